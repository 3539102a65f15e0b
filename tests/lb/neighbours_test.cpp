#include "lb/core/neighbours.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

const TimePoint kStart{1h};
const IpAddress kPeer = IpAddress::v4(10, 0, 0, 12);
const IpAddress kOther = IpAddress::v4(10, 0, 0, 13);
constexpr MacAddress kMac{{2, 0, 0, 0, 0, 12}};

Neighbours watching() {
    Neighbours neighbours;
    const IpAddress watched[] = {kPeer};
    neighbours.set_watched(watched, kStart);
    return neighbours;
}

TEST(Neighbours, UnknownIsReachedByBroadcastAndAskedFor) {
    auto neighbours = watching();
    EXPECT_EQ(neighbours.mac_of(kPeer, kStart), kBroadcastMac);
    EXPECT_EQ(neighbours.take_questions(kStart), std::vector{kPeer});
    EXPECT_TRUE(neighbours.take_questions(kStart).empty());
    EXPECT_EQ(neighbours.next_deadline(), kStart + Neighbours::kAskUnknown);
}

TEST(Neighbours, WhatIsHeardIsKnownUntilItAges) {
    auto neighbours = watching();
    neighbours.learn(kPeer, kMac, kStart);
    EXPECT_EQ(neighbours.mac_of(kPeer, kStart + 59s), kMac);
    EXPECT_TRUE(neighbours.knows(kMac));
    EXPECT_EQ(neighbours.next_deadline(), kStart + Neighbours::kAskAgain);
    EXPECT_EQ(neighbours.mac_of(kPeer, kStart + 60s), kBroadcastMac);
    neighbours.forget_all(kStart + 61s);
    EXPECT_FALSE(neighbours.knows(kMac));
}

TEST(Neighbours, OnlyThoseWatchedAreKept) {
    auto neighbours = watching();
    neighbours.learn(kOther, kMac, kStart);
    EXPECT_FALSE(neighbours.knows(kMac));
    neighbours.learn(kPeer, kBroadcastMac, kStart);
    EXPECT_FALSE(neighbours.knows(kBroadcastMac)) << "a group is no neighbour";
    neighbours.learn(kPeer, kMac, kStart);
    neighbours.set_watched({}, kStart);
    EXPECT_FALSE(neighbours.knows(kMac));
}

}  // namespace
}  // namespace hearth::lb
