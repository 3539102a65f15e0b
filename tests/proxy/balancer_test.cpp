#include "proxy/core/balancer.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

const Endpoint kA{IpAddress::v4(10, 0, 0, 1), 80};
const Endpoint kB{IpAddress::v4(10, 0, 0, 2), 80};
const Endpoint kC{IpAddress::v4(10, 0, 0, 3), 80};
const TimePoint kStart{};

Balancer balancer_of(std::vector<Endpoint> endpoints) {
    Balancer balancer;
    balancer.set_endpoints(endpoints);
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
    EXPECT_TRUE(balancer.succeeded(kA));
    EXPECT_FALSE(balancer.succeeded(kA)) << "known already";
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
    EXPECT_EQ(balancer.pick(tried, kStart + 200ms), kA);
}

TEST(Balancer, AnOnlyOneIsAlwaysTried) {
    Balancer balancer = balancer_of({kA});
    balancer.failed(kA, kStart);
    const std::vector<Endpoint> tried{kA};
    EXPECT_EQ(balancer.pick(tried, kStart), kA);
}

TEST(Balancer, ARetryTakesAnother) {
    Balancer balancer = balancer_of({kA, kB});
    const std::vector<Endpoint> tried{kA};
    EXPECT_EQ(balancer.pick(tried, kStart), kB);
    EXPECT_EQ(balancer.pick(tried, kStart), kB);
}

TEST(Balancer, ChangedEndpointsKeepWhatIsKnown) {
    Balancer balancer = balancer_of({kA, kB});
    balancer.failed(kB, kStart);
    const std::vector<Endpoint> next{kC, kB};
    balancer.set_endpoints(next);
    EXPECT_TRUE(balancer.rests(kB, kStart + 500ms));
    EXPECT_EQ(balancer.pick({}, kStart + 500ms), kC);
    EXPECT_EQ(balancer.pick({}, kStart + 500ms), kC);
}

}  // namespace
}  // namespace hearth::proxy
