#include "dns/core/client_groups.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

IpAddress at(std::string_view text) { return *IpAddress::parse(text); }
IpPrefix in(std::string_view text) { return *IpPrefix::parse(text); }

TEST(ClientGroups, TheMostTellingMatchWins) {
    ClientGroups groups;
    groups.add(in("10.0.0.0/8"), ClientRank::kInterface, 1);
    groups.add(in("10.0.0.0/16"), ClientRank::kNetwork, 2);
    groups.add(in("10.0.0.0/24"), ClientRank::kNetwork, 3);
    groups.add(at("10.0.0.5"), ClientRank::kName, 4);
    groups.add(at("10.0.0.6"), ClientRank::kName, 4);
    groups.add(at("10.0.0.6"), ClientRank::kMac, 5);
    groups.add(at("10.0.0.6"), ClientRank::kName, 1);
    groups.add(at("10.0.0.7"), ClientRank::kAddress, 6);
    groups.add(at("10.0.0.7"), ClientRank::kMac, 5);
    EXPECT_EQ(groups.of(at("10.9.0.1")), 1);
    EXPECT_EQ(groups.of(at("10.0.9.1")), 2);
    EXPECT_EQ(groups.of(at("10.0.0.1")), 3);
    EXPECT_EQ(groups.of(at("10.0.0.5")), 4);
    EXPECT_EQ(groups.of(at("10.0.0.6")), 5);
    EXPECT_EQ(groups.of(at("10.0.0.7")), 6);
    EXPECT_EQ(groups.of(at("192.0.2.1")), kDefaultGroup);
    EXPECT_EQ(groups.of(at("fd00::1")), kDefaultGroup);
    groups.put(at("10.0.0.7"), 9);
    EXPECT_EQ(groups.of(at("10.0.0.7")), 9);
}

}  // namespace
}  // namespace hearth::dns
