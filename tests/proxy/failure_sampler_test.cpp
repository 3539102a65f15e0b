#include "proxy/core/failure_sampler.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

constexpr TimePoint kStart{1h};
constexpr auto kReason = HopReason::kConnectRefused;

TEST(FailureSampler, TellsTheFirstOfEachKindThenCounts) {
    FailureSampler sampler;
    for (unsigned i = 0; i < FailureSampler::kFirst; ++i)
        EXPECT_EQ(sampler.ask("web", kReason, kStart), 0U);
    for (int i = 0; i < 37; ++i) EXPECT_FALSE(sampler.ask("web", kReason, kStart + 1s));
    EXPECT_EQ(sampler.ask("web", HopReason::kReset, kStart + 1s), 0U);
    EXPECT_EQ(sampler.ask("wiki", kReason, kStart + 1s), 0U);
    EXPECT_EQ(sampler.ask("web", kReason, kStart + FailureSampler::kThen), 37U);
    EXPECT_FALSE(sampler.ask("web", kReason, kStart + FailureSampler::kThen + 1s));
}

TEST(FailureSampler, AKindThatWasQuietIsNewAgain) {
    FailureSampler sampler;
    for (int i = 0; i < 20; ++i) (void)sampler.ask("web", kReason, kStart);
    const TimePoint later = kStart + FailureSampler::kQuiet;
    for (unsigned i = 0; i < FailureSampler::kFirst; ++i)
        EXPECT_EQ(sampler.ask("web", kReason, later), 0U);
    EXPECT_FALSE(sampler.ask("web", kReason, later));
}

}  // namespace
}  // namespace hearth::proxy
