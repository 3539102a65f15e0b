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

TEST(Neighbours, UnknownIsReachedByBroadcastAtFirstOnly) {
    auto neighbours = watching();
    EXPECT_EQ(neighbours.route_to(kPeer, kStart), kBroadcastMac);
    EXPECT_EQ(neighbours.route_to(kPeer, kStart + 9s), kBroadcastMac);
    EXPECT_EQ(neighbours.route_to(kPeer, kStart + 10s), std::nullopt);
    neighbours.learn(kPeer, kMac, kStart + 1h);
    EXPECT_EQ(neighbours.route_to(kPeer, kStart + 1h), kMac);
}

TEST(Neighbours, AsksOftenAtFirstThenRarely) {
    auto neighbours = watching();
    int asked = 0;
    for (TimePoint now = kStart; now < kStart + 50s; now = neighbours.next_deadline()) {
        EXPECT_EQ(neighbours.take_questions(now), std::vector{kPeer});
        EXPECT_TRUE(neighbours.take_questions(now).empty());
        ++asked;
    }
    EXPECT_EQ(asked, 12) << "each second for ten, then every twenty seconds";
}

TEST(Neighbours, WhatIsHeardIsKept) {
    auto neighbours = watching();
    neighbours.learn(kPeer, kMac, kStart);
    EXPECT_TRUE(neighbours.knows(kMac));
    EXPECT_EQ(neighbours.next_deadline(), kStart + Neighbours::kAskLater);
    EXPECT_EQ(neighbours.route_to(kPeer, kStart + 1h), kMac) << "it may only be quiet";
    neighbours.forget_all(kStart + 1h);
    EXPECT_FALSE(neighbours.knows(kMac));
    EXPECT_EQ(neighbours.route_to(kPeer, kStart + 1h), kBroadcastMac);
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
