#include "dns/core/zone.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

class ZoneTest : public testing::Test {
protected:
    ZoneTest() {
        zones.add_zone({name("home")});
        zones.add_zone({name("lan"), ZoneKind::kForward, 3});
        zones.add_address(name("nas.home"), IpAddress::v4(10, 0, 0, 5));
        zones.add_address(name("*.home"), IpAddress::v4(10, 0, 0, 9));
        zones.add_address(name("deep.below.home"), IpAddress::v4(10, 0, 0, 6));
        zones.add_address(name("*.apps.home"), IpAddress::v4(10, 0, 0, 7));
        zones.add_address(name("pinned.lan"), IpAddress::v4(10, 0, 0, 8));
    }

    std::string address_of(std::string_view text) const {
        const LocalMatch match = zones.find(name(text));
        if (match.node == nullptr) return "-";
        return match.node->empty() ? "empty" : match.node->addresses()[0].to_string();
    }

    LocalZones zones;
};

TEST_F(ZoneTest, ExactBeatsWildcardAndTheClosestEncloserDecides) {
    EXPECT_EQ(address_of("nas.home"), "10.0.0.5");
    EXPECT_EQ(address_of("anything.home"), "10.0.0.9");
    EXPECT_EQ(address_of("two.labels.home"), "10.0.0.9");
    EXPECT_EQ(address_of("x.apps.home"), "10.0.0.7");
    EXPECT_EQ(address_of("y.x.apps.home"), "10.0.0.7");
    // nas.home exists, so *.home does not reach below it (RFC 4592 §2.2.1).
    EXPECT_EQ(address_of("x.nas.home"), "-");
    EXPECT_EQ(address_of("x.below.home"), "-");
}

TEST_F(ZoneTest, NamesAboveRecordsExist) {
    EXPECT_EQ(address_of("below.home"), "empty");
    EXPECT_EQ(address_of("apps.home"), "empty");
    EXPECT_EQ(address_of("home"), "empty");
}

TEST_F(ZoneTest, WithinAForwardZoneOnlyRecordsAreOurs) {
    EXPECT_EQ(address_of("pinned.lan"), "10.0.0.8");
    EXPECT_EQ(address_of("other.lan"), "-");
    EXPECT_EQ(address_of("lan"), "-");
    const LocalMatch match = zones.find(name("other.lan"));
    ASSERT_NE(match.zone, nullptr);
    EXPECT_EQ(match.zone->group, 3U);
}

TEST_F(ZoneTest, TheClosestZoneIsFound) {
    zones.add_zone({name("kids.home"), ZoneKind::kForward, 4});
    EXPECT_EQ(zones.zone_of(name("a.kids.home"))->group, 4U);
    EXPECT_EQ(zones.zone_of(name("a.home"))->apex, name("home"));
    EXPECT_EQ(zones.zone_of(name("example.com")), nullptr);
    EXPECT_TRUE(zones.find(name("home")).at_apex);
    EXPECT_FALSE(zones.find(name("nas.home")).at_apex);
}

TEST_F(ZoneTest, TheFirstPtrIsKept) {
    zones.add_ptr(IpAddress::v4(10, 0, 0, 5), name("first.home"));
    zones.add_ptr(IpAddress::v4(10, 0, 0, 5), name("second.home"));
    const auto* ptr = zones.find(name("5.0.0.10.in-addr.arpa")).node->find(RrType::kPtr);
    ASSERT_NE(ptr, nullptr);
    EXPECT_EQ(ptr->size(), 1U);
    EXPECT_EQ(Name::from_wire(ptr->front()), name("first.home"));
}

}  // namespace
}  // namespace hearth::dns
