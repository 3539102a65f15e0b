#include "proxy/core/balancer.h"

#include <gtest/gtest.h>

#include <map>

namespace hearth::proxy {
namespace {

const Endpoint kA{IpAddress::v4(10, 0, 0, 1), 80};
const Endpoint kB{IpAddress::v4(10, 0, 0, 2), 80};
const Endpoint kC{IpAddress::v4(10, 0, 0, 3), 80};
const TimePoint kStart{};

// Keys of different clients.
std::uint64_t mixed_key(int i) { return key_of(IpAddress::v4(static_cast<std::uint32_t>(i))); }

Balancer balancer_of(std::vector<Endpoint> endpoints) {
    Balancer balancer;
    std::vector<Target> targets;
    for (const Endpoint& endpoint : endpoints) targets.push_back({endpoint});
    balancer.set_targets(targets);
    return balancer;
}

TEST(Balancer, NobodyToAsk) { EXPECT_EQ(Balancer().pick({}, kStart), std::nullopt); }

TEST(Balancer, EachInTurn) {
    Balancer balancer = balancer_of({kA, kB, kC});
    for (const Endpoint& expected : {kA, kB, kC, kA, kB}) {
        EXPECT_EQ(balancer.pick({}, kStart), expected);
    }
}

TEST(Balancer, TheOneThatFailedRests) {
    Balancer balancer = balancer_of({kA, kB});
    EXPECT_TRUE(balancer.failed(kA, kStart));
    EXPECT_FALSE(balancer.failed(kA, kStart)) << "known already";
    for (int i = 0; i < 4; ++i) EXPECT_EQ(balancer.pick({}, kStart + 500ms), kB);
    EXPECT_TRUE(balancer.rests(kA, kStart + 1900ms)) << "the second failure doubles it";
    EXPECT_FALSE(balancer.rests(kA, kStart + 2s));
    EXPECT_TRUE(balancer.succeeded(kA, kStart));
    EXPECT_FALSE(balancer.succeeded(kA, kStart)) << "known already";
}

TEST(Balancer, RestsAreBounded) {
    Balancer balancer = balancer_of({kA, kB});
    for (int i = 0; i < 50; ++i) balancer.failed(kA, kStart);
    EXPECT_FALSE(balancer.rests(kA, kStart + 10s));
}

TEST(Balancer, WhenAllRestTheFirstToReturnIsTried) {
    Balancer balancer = balancer_of({kA, kB});
    balancer.failed(kA, kStart + 100ms);
    balancer.failed(kB, kStart);
    EXPECT_EQ(balancer.pick({}, kStart + 200ms), kB);
    const std::vector<Endpoint> tried{kB};
    EXPECT_EQ(balancer.pick({tried}, kStart + 200ms), kA);
}

TEST(Balancer, AnOnlyOneIsAlwaysTried) {
    Balancer balancer = balancer_of({kA});
    balancer.failed(kA, kStart);
    const std::vector<Endpoint> tried{kA};
    EXPECT_EQ(balancer.pick({tried}, kStart), kA);
}

TEST(Balancer, ARetryTakesAnother) {
    Balancer balancer = balancer_of({kA, kB});
    const std::vector<Endpoint> tried{kA};
    EXPECT_EQ(balancer.pick({tried}, kStart), kB);
    EXPECT_EQ(balancer.pick({tried}, kStart), kB);
}

TEST(Balancer, ChangedEndpointsKeepWhatIsKnown) {
    Balancer balancer = balancer_of({kA, kB});
    balancer.failed(kB, kStart);
    const std::vector<Target> next{{kC}, {kB}};
    balancer.set_targets(next);
    EXPECT_TRUE(balancer.rests(kB, kStart + 500ms));
    EXPECT_EQ(balancer.pick({}, kStart + 500ms), kC);
    EXPECT_EQ(balancer.pick({}, kStart + 500ms), kC);
}

// How many of `count` picks each gets.
std::map<Endpoint, int> spread(Balancer& balancer, int count, TimePoint now = kStart) {
    std::map<Endpoint, int> got;
    for (int i = 0; i < count; ++i) {
        const auto key = mixed_key(i);
        if (const auto endpoint = balancer.pick({.key = key}, now)) ++got[*endpoint];
    }
    return got;
}

Balancer weighted(Balance how) {
    Balancer balancer;
    balancer.configure(how, {});
    const std::vector<Target> targets{{kA, 3}, {kB, 1}};
    balancer.set_targets(targets);
    return balancer;
}

TEST(Balancer, WeightsAreSharesAndTurnsAreMixed) {
    Balancer balancer = weighted(Balance::kRoundRobin);
    for (const Endpoint& expected : {kA, kA, kB, kA, kA, kA, kB, kA})
        EXPECT_EQ(balancer.pick({}, kStart), expected);
}

TEST(Balancer, HashAndChanceKeepTheShares) {
    for (const Balance how : {Balance::kSourceHash, Balance::kRandom}) {
        Balancer balancer = weighted(how);
        EXPECT_NEAR(spread(balancer, 4000)[kA], 3000, 150);
    }
}

TEST(Balancer, AClientStaysAndOnlyThoseOfALostEndpointMove) {
    Balancer balancer = balancer_of({kA, kB, kC});
    balancer.configure(Balance::kSourceHash, {});
    std::map<int, Endpoint> before;
    for (int i = 0; i < 100; ++i) before[i] = *balancer.pick({.key = mixed_key(i)}, kStart);
    balancer.set_state(kB, TargetState::kDown, kStart);
    for (int i = 0; i < 100; ++i) {
        const auto now = balancer.pick({.key = mixed_key(i)}, kStart);
        EXPECT_TRUE(before[i] == kB || now == before[i]);
        EXPECT_NE(now, kB);
    }
}

TEST(Balancer, TheLeastBusyForItsWeight) {
    Balancer balancer = weighted(Balance::kLeastConnections);
    const std::vector<Target> targets{{kA, 3, std::make_shared<Load>(0)},
                                      {kB, 1, std::make_shared<Load>(0)}};
    balancer.set_targets(targets);
    std::map<Endpoint, std::vector<RunningLoad>> got;
    for (int i = 0; i < 8; ++i) {
        const auto endpoint = *balancer.pick({}, kStart);
        got[endpoint].push_back(balancer.begin(endpoint));
    }
    EXPECT_EQ(got[kA].size(), 6U);
    got[kB].clear();
    EXPECT_EQ(balancer.pick({}, kStart), kB);
    got.clear();
    EXPECT_EQ(spread(balancer, 4).size(), 1U) << "nobody is busy: the heavier one";
}

TEST(Balancer, WhatOthersHaveUnderWayCounts) {
    const std::vector<Target> targets{{kA, 1, std::make_shared<Load>(0)},
                                      {kB, 1, std::make_shared<Load>(0)}};
    Balancer one;
    Balancer other;
    for (Balancer* each : {&one, &other}) {
        each->configure(Balance::kLeastConnections, {});
        each->set_targets(targets);
    }
    RunningLoad first = one.begin(kA);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(other.pick({}, kStart), kB);
    RunningLoad second = other.begin(kB);
    RunningLoad third = other.begin(kB);
    EXPECT_EQ(one.pick({}, kStart), kA);
    one.set_targets({});  // it is counted until it ends, whatever becomes of its balancer
    EXPECT_EQ(targets[0].load->load(), 1U);
    first.end();
    EXPECT_EQ(targets[0].load->load(), 0U);
    third = std::move(second);
    EXPECT_EQ(targets[1].load->load(), 2U) << "both are there still";
}

TEST(Balancer, ACookieKeepsItsUpstreamWhileThatServes) {
    Balancer balancer = balancer_of({kA, kB});
    const std::uint64_t token = from_cookie(to_cookie(token_of(kB)));
    EXPECT_EQ(token, token_of(kB));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(balancer.pick({.sticky = token}, kStart), kB);
    balancer.set_state(kB, TargetState::kDrained, kStart);
    EXPECT_EQ(balancer.pick({.sticky = token}, kStart), kA);
    EXPECT_EQ(from_cookie("xyz"), 0U);
    EXPECT_EQ(from_cookie(""), 0U);
    EXPECT_EQ(from_cookie("11112222333344445"), 0U);
}

TEST(Balancer, NobodyIsAskedThatIsDownOrDrained) {
    Balancer balancer = balancer_of({kA, kB});
    balancer.set_state(kA, TargetState::kDown, kStart);
    balancer.set_state(kB, TargetState::kDrained, kStart);
    EXPECT_EQ(balancer.pick({}, kStart), std::nullopt);
    balancer.set_state(kA, TargetState::kServes, kStart);
    EXPECT_EQ(balancer.pick({}, kStart), kA);
}

TEST(Balancer, WhoComesBackStartsSlowly) {
    Balancer balancer = balancer_of({kA, kB});
    balancer.configure(Balance::kRoundRobin, 10s);
    EXPECT_EQ(spread(balancer, 100)[kA], 50) << "at the start everybody serves";
    balancer.set_state(kA, TargetState::kDown, kStart + 1s);
    balancer.set_state(kA, TargetState::kServes, kStart + 2s);
    EXPECT_NEAR(spread(balancer, 110, kStart + 2s)[kA], 10, 1);
    EXPECT_NEAR(spread(balancer, 90, kStart + 7s)[kA], 30, 1);
    EXPECT_NEAR(spread(balancer, 100, kStart + 12s)[kA], 50, 1);
}

TEST(Balancer, OneTriesAfterTheRest) {
    Balancer balancer = balancer_of({kA, kB});
    balancer.failed(kA, kStart);
    const TimePoint rested = kStart + 1s;
    EXPECT_EQ(spread(balancer, 4, rested)[kA], 1) << "one trial, then the others wait for it";
    EXPECT_TRUE(balancer.succeeded(kA, rested));
    EXPECT_EQ(spread(balancer, 4, rested)[kA], 2);
}

TEST(Balancer, TheFifthBrokenAnswerOpensTheCircuit) {
    Balancer balancer = balancer_of({kA, kB});
    for (int i = 0; i < 4; ++i) balancer.broke_off(kA, kStart);
    EXPECT_FALSE(balancer.rests(kA, kStart));
    balancer.broke_off(kA, kStart);
    EXPECT_TRUE(balancer.rests(kA, kStart));
    EXPECT_FALSE(balancer.succeeded(kA, kStart) && !balancer.rests(kA, kStart))
        << "that it takes connections says nothing";
    balancer.answered(kA);
    EXPECT_FALSE(balancer.rests(kA, kStart));
}

}  // namespace
}  // namespace hearth::proxy
