#include "proxy/core/rate_limiter.h"

#include <gtest/gtest.h>

#include "proxy/core/login_delays.h"
#include "proxy/core/snapshot.h"

namespace hearth::proxy {
namespace {

const TimePoint kStart{std::chrono::hours(1)};
const IpAddress kOne = IpAddress::v4(10, 0, 0, 1);
const IpAddress kTwo = IpAddress::v4(10, 0, 0, 2);

// How many of `count` requests at once pass.
int passing(RateLimiter& limiter, const IpAddress& client, int count, TimePoint now = kStart) {
    int passed = 0;
    for (int i = 0; i < count; ++i) passed += limiter.ask(client, now) ? 0 : 1;
    return passed;
}

TEST(RateLimiter, ABurstThenTheRate) {
    RateLimiter limiter({RateRule::Scope::kClient, 10, 1s, 20});
    EXPECT_EQ(passing(limiter, kOne, 50), 20);
    EXPECT_EQ(limiter.ask(kOne, kStart), 100ms);
    EXPECT_EQ(passing(limiter, kOne, 50, kStart + 100ms), 1);
    EXPECT_EQ(passing(limiter, kOne, 50, kStart + 600ms), 5);
    EXPECT_EQ(passing(limiter, kOne, 50, kStart + 1h), 20) << "no more is saved up";
}

TEST(RateLimiter, EachClientForItself) {
    RateLimiter limiter({RateRule::Scope::kClient, 1, 1min, 1});
    EXPECT_EQ(passing(limiter, kOne, 5), 1);
    EXPECT_EQ(passing(limiter, kTwo, 5), 1);
}

TEST(OneClient, IsADeviceAtHomeAndANetworkElsewhere) {
    Snapshot snapshot;
    snapshot.lan = {*IpPrefix::parse("10.0.0.0/24"), *IpPrefix::parse("fd00::/64")};
    const auto counted = [&](const char* address) {
        return snapshot.one_client(*IpAddress::parse(address)).to_string();
    };
    EXPECT_EQ(counted("10.0.0.1"), "10.0.0.1");
    EXPECT_EQ(counted("203.0.113.9"), "203.0.113.9");
    EXPECT_EQ(counted("fd00::1"), "fd00::1") << "the whole home is one /64";
    EXPECT_EQ(counted("2001:db8::1"), "2001:db8::");
    EXPECT_EQ(counted("2001:db8:0:1::2"), "2001:db8:0:1::");
}

TEST(RateLimiter, TellsBeforehand) {
    RateLimiter limiter({RateRule::Scope::kClient, 10, 1s, 2});
    EXPECT_FALSE(limiter.is_spent(kOne, kStart));
    EXPECT_EQ(passing(limiter, kOne, 1), 1);
    EXPECT_FALSE(limiter.is_spent(kOne, kStart));
    EXPECT_EQ(passing(limiter, kOne, 1), 1);
    EXPECT_TRUE(limiter.is_spent(kOne, kStart));
    EXPECT_FALSE(limiter.is_spent(kTwo, kStart));
    EXPECT_TRUE(limiter.is_spent(kOne, kStart + 99ms));
    EXPECT_FALSE(limiter.is_spent(kOne, kStart + 100ms));
}

TEST(RateLimiter, AServiceAsAWhole) {
    RateLimiter limiter({RateRule::Scope::kService, 1, 1s, 3});
    EXPECT_EQ(passing(limiter, kOne, 2) + passing(limiter, kTwo, 2), 3);
}

TEST(RateLimiter, IsBounded) {
    RateLimiter limiter({RateRule::Scope::kClient, 1, 1h, 1});
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < RateLimiter::kMostClients; ++i)
        EXPECT_FALSE(limiter.ask(IpAddress::v4(++next), kStart));
    EXPECT_FALSE(limiter.ask(IpAddress::v4(++next), kStart))
        << "the first of those without a place";
    EXPECT_TRUE(limiter.ask(IpAddress::v4(++next), kStart)) << "they share one";
    EXPECT_FALSE(limiter.ask(IpAddress::v4(++next), kStart + 1h)) << "the others are due";
}

TEST(LoginDelays, GrowFromTheThirdGuess) {
    LoginDelays delays;
    for (int i = 0; i < 2; ++i) delays.failed(kOne, kStart);
    EXPECT_EQ(delays.wait(kOne, kStart), std::nullopt);
    delays.failed(kOne, kStart);
    EXPECT_EQ(delays.wait(kOne, kStart), 1s);
    delays.failed(kOne, kStart);
    EXPECT_EQ(delays.wait(kOne, kStart), 2s);
    for (int i = 0; i < 20; ++i) delays.failed(kOne, kStart);
    EXPECT_EQ(delays.wait(kOne, kStart), 60s);
    EXPECT_EQ(delays.wait(kTwo, kStart), std::nullopt);
    delays.succeeded(kOne);
    EXPECT_EQ(delays.wait(kOne, kStart), std::nullopt);
}

TEST(LoginDelays, AreForgotten) {
    LoginDelays delays;
    for (int i = 0; i < 3; ++i) delays.failed(kOne, kStart);
    delays.failed(kOne, kStart + 10min);
    EXPECT_EQ(delays.wait(kOne, kStart + 10min), std::nullopt);
    for (std::uint32_t i = 0; i < 2 * LoginDelays::kMostClients; ++i)
        delays.failed(IpAddress::v4(i), kStart);
}

}  // namespace
}  // namespace hearth::proxy
