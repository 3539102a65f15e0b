#include "dns/core/found_addresses.h"

#include <gtest/gtest.h>

#include "tests/dns/packets.h"

namespace hearth::dns {
namespace {

using test::ask;
using test::say;

TEST(FoundAddresses, AreThoseAServerMayHave) {
    const auto question = ask({.name = "dns.example."});
    const auto found = addresses_in(
        say(question,
            {.answers = {"dns.example. 300 IN CNAME a.example.", "a.example. 70 IN A 192.0.2.1",
                         "a.example. 80 IN A 0.0.0.0", "a.example. 90 IN A 224.0.0.1",
                         "a.example. 90 IN AAAA 2001:db8::1"}}));
    EXPECT_EQ(found.addresses, (std::vector<IpAddress>{IpAddress::v4(192, 0, 2, 1),
                                                       *IpAddress::parse("2001:db8::1")}));
    EXPECT_EQ(found.ttl, 70U);
}

TEST(FoundAddresses, NothingElseHasAny) {
    const auto question = ask({.name = "dns.example."});
    const FoundAddresses none;
    EXPECT_EQ(addresses_in({}), none);
    EXPECT_EQ(addresses_in(question), none);
    EXPECT_EQ(addresses_in(say(question, {.rcode = "NXDOMAIN"})), none);
    EXPECT_EQ(addresses_in(say(
                  question, {.rcode = "SERVFAIL", .answers = {"dns.example. 300 IN A 192.0.2.1"}})),
              none);
    EXPECT_EQ(addresses_in(say(question, {.answers = {"dns.example. 300 IN TXT x"}})), none);
    auto cut = say(question, {.answers = {"dns.example. 300 IN A 192.0.2.1"}, .edns = false});
    while (!cut.empty()) {
        cut.pop_back();
        EXPECT_EQ(addresses_in(cut), none);
    }
    std::vector<std::string> many;
    for (int i = 1; i < 60; ++i)
        many.push_back("dns.example. 60 IN A 192.0.2." + std::to_string(i));
    EXPECT_EQ(addresses_in(say(question, {.answers = many})).addresses.size(), 16U);
}

}  // namespace
}  // namespace hearth::dns
