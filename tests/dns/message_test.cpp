#include "dns/core/message.h"

#include <gtest/gtest.h>

#include "tests/dns/packets.h"

namespace hearth::dns {
namespace {

using test::ask;
using test::Packet;
using test::say;
using test::Say;

constexpr const char* kSoa = "example. 900 IN SOA ns.example. host.example. 1 2 3 4 60";

std::uint32_t seconds_of(const Packet& packet) {
    const auto answer = parse_answer(packet);
    return answer ? cache_seconds(packet, *answer, {}) : 99999;
}

TEST(Message, ReadsAnAnswer) {
    const Packet packet =
        say(ask({.name = "www.example."}),
            {.answers = {"www.example. 300 IN CNAME a.example.", "a.example. 200 IN A 192.0.2.1"},
             .additional = {"b.example. 100 IN A 192.0.2.2"}});
    const auto answer = parse_answer(packet);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->qname.to_string(), "www.example");
    EXPECT_EQ(answer->answers, 2);
    EXPECT_EQ(answer->additionals, 1);
    EXPECT_TRUE(answer->has_edns);
    EXPECT_EQ(answer->size, packet.size() - 11) << "without OPT";
    EXPECT_EQ(answer->ttl_count, 3U);
    EXPECT_EQ(load_be32(packet.data() + answer->ttl_at[1]), 200U);
    EXPECT_EQ(answer->lowest_ttl, 100U);
    EXPECT_TRUE(has_final_answer(packet, *answer));
}

TEST(Message, EveryPrefixIsRefused) {
    const Packet packet =
        say(ask({.name = "www.example."}),
            {.answers = {"www.example. 300 IN CNAME a.example.", "a.example. 200 IN A 192.0.2.1"},
             .authority = {kSoa}});
    for (std::size_t size = 0; size < packet.size(); ++size) {
        const Packet prefix(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(parse_answer(prefix)) << size;
    }
    EXPECT_TRUE(parse_answer(packet));
}

TEST(Message, ATruncatedAnswerMayEndAnywhere) {
    Packet packet = say(ask({.name = "www.example."}),
                        {.answers = {"www.example. 300 IN A 192.0.2.1"}, .truncated = true});
    packet.resize(packet.size() - 15);
    const auto answer = parse_answer(packet);
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->truncated());
}

TEST(Message, RefusesQuestionsAndOddities) {
    EXPECT_FALSE(parse_answer(ask({.name = "www.example."}))) << "no answer at all";
    Packet packet = say(ask({.name = "www.example.", .edns = false}),
                        {.answers = {"www.example. 300 IN A 192.0.2.1"}, .edns = false});
    packet[5] = 0;
    EXPECT_FALSE(parse_answer(packet)) << "no question";
}

TEST(Message, HowLongAnswersAreKept) {
    const Packet question = ask({.name = "www.example."});
    struct Case {
        const char* what;
        Say say;
        std::uint32_t seconds;
    };
    const Case cases[] = {
        {"the lowest TTL",
         {.answers = {"www.example. 300 IN CNAME a.example.", "a.example. 200 IN A 192.0.2.1"}},
         200},
        {"a TTL of 0", {.answers = {"www.example. 0 IN A 192.0.2.1"}}, 0},
        {"at most a day", {.answers = {"www.example. 604800 IN A 192.0.2.1"}}, 86400},
        {"NXDOMAIN by SOA MINIMUM", {.rcode = "NXDOMAIN", .authority = {kSoa}}, 60},
        {"NXDOMAIN by the SOA's TTL",
         {.rcode = "NXDOMAIN",
          .authority = {"example. 30 IN SOA ns.example. host.example. 1 2 3 4 60"}},
         30},
        {"NXDOMAIN without SOA", {.rcode = "NXDOMAIN"}, 0},
        {"NODATA by SOA MINIMUM", {.authority = {kSoa}}, 60},
        {"NODATA at the end of a chain",
         {.answers = {"www.example. 300 IN CNAME a.example."}, .authority = {kSoa}},
         60},
        {"a chain that leads nowhere", {.answers = {"www.example. 300 IN CNAME a.example."}}, 0},
        {"records of another name", {.answers = {"other.example. 300 IN A 192.0.2.1"}}, 0},
        {"negative at most an hour",
         {.rcode = "NXDOMAIN",
          .authority = {"example. 86400 IN SOA ns.example. host.example. 1 2 3 4 86400"}},
         3600},
        {"SERVFAIL", {.rcode = "SERVFAIL"}, 5},
        {"REFUSED", {.rcode = "REFUSED"}, 0},
        {"truncated", {.answers = {"www.example. 300 IN A 192.0.2.1"}, .truncated = true}, 0},
    };
    for (const auto& [what, answer, seconds] : cases)
        EXPECT_EQ(seconds_of(say(question, answer)), seconds) << what;
}

TEST(Message, ACnameLoopInAnAnswerEnds) {
    const Packet packet = say(
        ask({.name = "a.example."}),
        {.answers = {"a.example. 300 IN CNAME b.example.", "b.example. 300 IN CNAME a.example."}});
    const auto answer = parse_answer(packet);
    ASSERT_TRUE(answer);
    EXPECT_FALSE(has_final_answer(packet, *answer));
}

TEST(Message, TooManyRecordsPassButAreNotKept) {
    Say many;
    for (int i = 0; i < 250; ++i)
        many.answers.push_back("www.example. 300 IN A 192.0.2." + std::to_string(i));
    const Packet packet = say(ask({.name = "www.example."}), many);
    const auto answer = parse_answer(packet);
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->ttls_fit);
    EXPECT_EQ(cache_seconds(packet, *answer, {}), 0U);
}

TEST(Message, AnsweredTtlAboveTheSignBitCountsAsZero) {
    Packet packet = say(ask({.name = "www.example.", .edns = false}),
                        {.answers = {"www.example. 300 IN A 192.0.2.1"}, .edns = false});
    const auto answer = parse_answer(packet);
    ASSERT_TRUE(answer);
    packet[answer->ttl_at[0]] = 0x80;
    EXPECT_EQ(parse_answer(packet)->lowest_ttl, 0U);
}

}  // namespace
}  // namespace hearth::dns
