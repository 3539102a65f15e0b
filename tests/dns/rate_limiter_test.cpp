#include "dns/core/rate_limiter.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

using Proof = RateLimiter::Proof;

const IpAddress kClient = IpAddress::v4(10, 0, 0, 50);
constexpr TimePoint kNow{1h};

int allowed(RateLimiter& limiter, const IpAddress& client, int questions, TimePoint now,
            Proof proof = Proof::kNone) {
    int count = 0;
    for (int i = 0; i < questions; ++i) count += limiter.allow(client, proof, now) ? 1 : 0;
    return count;
}

TEST(RateLimiter, AllowsTheBurstThenTheRate) {
    RateLimiter limiter({10, 30, LimitAnswer::kRefused, {}}, {1, 2});
    EXPECT_EQ(allowed(limiter, kClient, 100, kNow), 30);
    EXPECT_EQ(allowed(limiter, kClient, 100, kNow + 50ms), 0);
    EXPECT_EQ(allowed(limiter, kClient, 100, kNow + 1s), 10);
    EXPECT_EQ(allowed(limiter, kClient, 100, kNow + 1h), 30);
}

TEST(RateLimiter, CountsEachAddressAndEachSlash64Apart) {
    RateLimiter limiter({1, 5, LimitAnswer::kRefused, {}}, {1, 2});
    EXPECT_EQ(allowed(limiter, kClient, 9, kNow), 5);
    EXPECT_EQ(allowed(limiter, IpAddress::v4(10, 0, 0, 51), 9, kNow), 5);
    EXPECT_EQ(allowed(limiter, *IpAddress::parse("2001:db8::1"), 3, kNow), 3);
    EXPECT_EQ(allowed(limiter, *IpAddress::parse("2001:db8::ffff:2"), 9, kNow), 2);
    EXPECT_EQ(allowed(limiter, *IpAddress::parse("2001:db8:0:1::1"), 9, kNow), 5);
}

TEST(RateLimiter, PretendersDoNotUseUpTheShareOfWhoHasTheAddress) {
    RateLimiter limiter({1, 5, LimitAnswer::kTruncate, {}}, {1, 2});
    EXPECT_EQ(allowed(limiter, kClient, 1000, kNow), 5);
    EXPECT_EQ(allowed(limiter, kClient, 9, kNow, Proof::kAddressProven), 5);
}

TEST(RateLimiter, ExemptsLoopbackAndWhoIsNamed) {
    RateLimiter limiter({1, 1, LimitAnswer::kDrop, {*IpPrefix::parse("10.0.0.0/28")}}, {1, 2});
    EXPECT_EQ(allowed(limiter, IpAddress::v4(10, 0, 0, 3), 9, kNow), 9);
    EXPECT_EQ(allowed(limiter, IpAddress::v4(127, 0, 0, 1), 9, kNow), 9);
    EXPECT_EQ(allowed(limiter, kClient, 9, kNow), 1);
}

TEST(RateLimiter, ForgetsWhoAskedLongestAgoWhenTheTableIsFull) {
    RateLimiter limiter({1, 1, LimitAnswer::kDrop, {}}, {1, 2});
    for (std::uint32_t i = 0; i < 100'000; ++i)
        EXPECT_TRUE(limiter.allow(
            IpAddress::v4(20, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                          static_cast<std::uint8_t>(i)),
            Proof::kNone, kNow + i * 1us));
    // The newest are still known.
    EXPECT_FALSE(limiter.allow(IpAddress::v4(20, 1, 0x86, 0x9f), Proof::kNone, kNow + 100ms));
}

}  // namespace
}  // namespace hearth::dns
