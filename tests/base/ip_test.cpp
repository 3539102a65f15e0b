#include "base/ip.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(IpAddress, ParsesAndPrintsCanonically) {
    const struct {
        const char* in;
        const char* out;
    } cases[] = {
        {"10.0.0.53", "10.0.0.53"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"fd00:0:0:1::5", "fd00:0:0:1::5"},
        {"2001:DB8::0:1", "2001:db8::1"},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"1:0:0:2:0:0:3:4", "1::2:0:0:3:4"},
        {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
        {"fe80::", "fe80::"},
        {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
    };
    for (const auto& c : cases) {
        const auto address = IpAddress::parse(c.in);
        ASSERT_TRUE(address) << c.in;
        EXPECT_EQ(address->to_string(), c.out);
    }
}

TEST(IpAddress, RefusesWhatIsNotAnAddress) {
    for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1.", " 10.0.0.1",
                             "1::2::3", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::",
                             "::g", "1:", "::1%eth0", "1.2.3.4::", "::1.2.3", "1:2:3:4:5:6:7::8"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
}

TEST(IpAddress, KnowsItsKind) {
    EXPECT_TRUE(IpAddress::parse("127.3.2.1")->is_loopback());
    EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
    EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
    EXPECT_TRUE(IpAddress::parse("224.0.0.18")->is_multicast());
    EXPECT_TRUE(IpAddress::parse("172.31.0.1")->is_private());
    EXPECT_FALSE(IpAddress::parse("172.32.0.1")->is_private());
    EXPECT_TRUE(IpAddress::parse("fd12::1")->is_private());
    EXPECT_TRUE(IpAddress::parse("fe80::1")->is_link_local());
}

TEST(IpAddress, ReverseName) {
    EXPECT_EQ(IpAddress::parse("10.0.0.53")->reverse_name(), "53.0.0.10.in-addr.arpa");
    EXPECT_EQ(IpAddress::parse("2001:db8::1")->reverse_name(),
              "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST(IpPrefix, ContainsByBits) {
    const auto prefix = *IpPrefix::parse("192.168.4.0/22");
    EXPECT_TRUE(prefix.contains(*IpAddress::parse("192.168.7.255")));
    EXPECT_FALSE(prefix.contains(*IpAddress::parse("192.168.8.0")));
    EXPECT_FALSE(prefix.contains(*IpAddress::parse("::1")));
    EXPECT_EQ(prefix.last().to_string(), "192.168.7.255");
    EXPECT_TRUE(IpPrefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("8.8.8.8")));
    EXPECT_TRUE(IpPrefix::parse("fd00::/8")->contains(*IpAddress::parse("fdff::1")));
}

TEST(IpPrefix, RefusesHostBitsAndBadLengths) {
    for (const char* text :
         {"10.0.0.1/24", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "fd00::/129", "x/8"})
        EXPECT_FALSE(IpPrefix::parse(text)) << text;
}

TEST(IpPrefix, OverlapIsSymmetric) {
    const auto wide = *IpPrefix::parse("10.0.0.0/8");
    const auto narrow = *IpPrefix::parse("10.1.0.0/16");
    EXPECT_TRUE(wide.overlaps(narrow));
    EXPECT_TRUE(narrow.overlaps(wide));
    EXPECT_FALSE(narrow.overlaps(*IpPrefix::parse("10.2.0.0/16")));
}

TEST(Endpoint, ParsesBothFamilies) {
    EXPECT_EQ(Endpoint::parse("10.0.0.1:53")->to_string(), "10.0.0.1:53");
    EXPECT_EQ(Endpoint::parse("[fd00::1]:53")->to_string(), "[fd00::1]:53");
    EXPECT_EQ(Endpoint::parse("fd00::1", 53)->to_string(), "[fd00::1]:53");
    EXPECT_EQ(Endpoint::parse("[fd00::1]", 53)->to_string(), "[fd00::1]:53");
    EXPECT_EQ(Endpoint::parse("10.0.0.1", 53)->port, 53);
    for (const char* text : {"10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "fd00::1:53",
                             "[10.0.0.1]:53", "[fd00::1", "10.0.0.1:+5", ":53"})
        EXPECT_FALSE(Endpoint::parse(text)) << text;
}

}  // namespace
}  // namespace hearth
