#include "dns/bind/house_policy.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

TEST(NamedNeighbours, OnlyThoseThatAGroupOrAnOverrideNames) {
    const MacAddress tablet = *MacAddress::parse("aa:bb:cc:dd:ee:01");
    const MacAddress phone = *MacAddress::parse("aa:bb:cc:dd:ee:02");
    const MacAddress guest = *MacAddress::parse("aa:bb:cc:dd:ee:03");
    const Neighbours all{{tablet, {IpAddress::v4(10, 0, 0, 61)}},
                         {phone, {IpAddress::v4(10, 0, 0, 62)}},
                         {guest, {IpAddress::v4(10, 0, 0, 63)}}};
    config::Document document;
    EXPECT_TRUE(named_neighbours(document, {}, all).empty());

    config::ClientGroup group;
    config::ClientMatch match;
    match.kind = config::ClientMatch::Kind::kMac;
    match.mac = tablet;
    group.clients.push_back(match);
    document.blocking.groups.push_back(group);
    Override said;
    said.client = "AA:BB:CC:DD:EE:02";
    const auto named = named_neighbours(document, {said}, all);
    EXPECT_EQ(named.size(), 2U);
    EXPECT_TRUE(named.contains(tablet) && named.contains(phone));
}

}  // namespace
}  // namespace hearth::dns
