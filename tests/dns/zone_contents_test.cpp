#include "dns/core/zone_contents.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

ZoneRecord address(std::string_view owner, std::uint8_t last) {
    return {name(owner), RrType::kA, 300, {10, 0, 0, last}, 1};
}

ZoneRecord pointing(std::string_view owner, RrType type, std::string_view target) {
    const Name to = name(target);
    return {name(owner), type, 300, {to.wire().begin(), to.wire().end()}, 2};
}

class ZoneContentsTest : public testing::Test {
protected:
    std::string address_of(std::string_view text) const {
        const LocalNode* node = zones.find(name(text)).node;
        if (node == nullptr) return "-";
        return node->addresses().empty() ? "empty" : node->addresses()[0].to_string();
    }
    ZoneContentsTest() { zones.add_zone({name("z.home")}); }

    LocalZones zones;
    ZoneContents contents{name("z.home"), "z.zone", {}};
};

TEST_F(ZoneContentsTest, WhatTheDocumentSaysStays) {
    zones.add_address(name("taken.z.home"), IpAddress::v4(10, 0, 0, 1));
    zones.add_address(name("z.home"), IpAddress::v4(10, 0, 0, 2));
    contents.records = {address("taken.z.home", 9),
                        address("new.z.home", 8),
                        address("new.z.home", 7),
                        address("z.home", 9),
                        pointing("z.home", RrType::kNs, "ns.z.home"),
                        pointing("alias.z.home", RrType::kCname, "new.z.home")};
    EXPECT_TRUE(check_zone(contents));
    EXPECT_EQ(add_zone_contents(zones, contents), 4U);
    EXPECT_EQ(address_of("taken.z.home"), "10.0.0.1");
    EXPECT_EQ(address_of("z.home"), "10.0.0.2");
    EXPECT_EQ(zones.node_of(name("new.z.home"))->find(RrType::kA)->size(), 2U);
    EXPECT_NE(zones.node_of(name("z.home"))->find(RrType::kNs), nullptr);
    EXPECT_EQ(*zones.node_of(name("alias.z.home"))->cname, name("new.z.home"));
    EXPECT_EQ(zones.node_of(name("new.z.home"))->find(RrType::kA)->ttl(1), 300U);
}

TEST_F(ZoneContentsTest, DelegationsLeaveTheZoneWithAllThatIsBelow) {
    contents.records = {pointing("sub.z.home", RrType::kNs, "ns.sub.z.home"),
                        address("ns.sub.z.home", 3), address("deep.x.sub.z.home", 4),
                        pointing("x.sub.z.home", RrType::kNs, "ns.sub.z.home"),
                        address("beside.z.home", 5)};
    EXPECT_EQ(add_zone_contents(zones, contents), 1U);
    for (const char* below : {"sub.z.home", "ns.sub.z.home", "deep.x.sub.z.home"}) {
        EXPECT_EQ(address_of(below), "-") << below;
        EXPECT_EQ(zones.zone_of(name(below))->kind, ZoneKind::kForward) << below;
    }
    EXPECT_EQ(address_of("beside.z.home"), "10.0.0.5");
}

TEST_F(ZoneContentsTest, ADelegationThatIsForwardedStaysSo) {
    zones.add_zone({name("sub.z.home"), ZoneKind::kForward, 7});
    contents.records = {pointing("sub.z.home", RrType::kNs, "ns.sub.z.home")};
    (void)add_zone_contents(zones, contents);
    EXPECT_EQ(zones.zone_of(name("a.sub.z.home"))->group, 7U);
}

TEST_F(ZoneContentsTest, SignaturesAreLeftAway) {
    contents.records = {{name("a.z.home"), RrType::kRrsig, 1, {1, 2}, 1}, address("a.z.home", 1)};
    EXPECT_EQ(add_zone_contents(zones, contents), 1U);
    EXPECT_EQ(zones.node_of(name("a.z.home"))->find(RrType::kRrsig), nullptr);
}

}  // namespace
}  // namespace hearth::dns
