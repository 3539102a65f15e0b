#include "certs/core/calendar.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hearth::certs {
namespace {

constexpr UnixTime kNow = 1'800'000'000;
const Validity kRoot = root_validity(kNow);

TEST(Calendar, AClockOfAMachineJustStartedIsNotBelieved) {
    EXPECT_EQ(judge_clock(7, nullptr), ClockTrust::kNotSet);
    EXPECT_EQ(judge_clock(1'767'225'599, nullptr), ClockTrust::kNotSet);
    EXPECT_EQ(judge_clock(kNow, nullptr), ClockTrust::kTrusted);
}

TEST(Calendar, NothingIsBeforeItsRoot) {
    EXPECT_EQ(judge_clock(kRoot.not_before - 1, &kRoot), ClockTrust::kBeforeRoot);
    EXPECT_EQ(judge_clock(kRoot.not_before, &kRoot), ClockTrust::kTrusted);
    EXPECT_EQ(judge_clock(7, &kRoot), ClockTrust::kNotSet);
}

TEST(Calendar, ARootLivesTenYears) {
    EXPECT_LT(kRoot.not_before, kNow);
    EXPECT_NEAR(static_cast<double>(kRoot.not_after - kNow) / kDay, 3652, 1);
}

TEST(Calendar, ALeafLivesForFortySevenDaysAtMost) {
    const Validity leaf = leaf_validity(kNow + 100 * kDay, kRoot);
    EXPECT_EQ(leaf.not_after - leaf.not_before + 1, 47 * kDay);
    EXPECT_LT(leaf.not_before, kNow + 100 * kDay);
}

TEST(Calendar, ALeafStaysWithinItsRoot) {
    EXPECT_EQ(leaf_validity(kRoot.not_before + 60, kRoot).not_before, kRoot.not_before);
    EXPECT_EQ(leaf_validity(kRoot.not_after - kDay, kRoot).not_after, kRoot.not_after);
}

TEST(Calendar, ALeafIsRenewedWithAThirdOfItsLifeLeft) {
    const Validity leaf = leaf_validity(kNow, kRoot);
    const UnixTime life = leaf.not_after - leaf.not_before;
    std::set<UnixTime> moments;
    for (int i = 0; i < 50; ++i) {
        const UnixTime at = renewal_of(leaf, "service" + std::to_string(i) + ".home");
        EXPECT_LE(at, leaf.not_after - life / 3);
        EXPECT_GT(at, leaf.not_after - life / 3 - kDay);
        moments.insert(at);
    }
    EXPECT_GT(moments.size(), 45U);  // not all at once
}

TEST(Calendar, WhatIsDue) {
    const Validity leaf = leaf_validity(kNow, kRoot);
    const UnixTime renewal = renewal_of(leaf, "a.home");
    EXPECT_FALSE(is_due(leaf, "a.home", kRoot, kNow));
    EXPECT_FALSE(is_due(leaf, "a.home", kRoot, renewal - 1));
    EXPECT_TRUE(is_due(leaf, "a.home", kRoot, renewal));
    EXPECT_TRUE(is_due(leaf, "a.home", kRoot, leaf.not_after + 1));
    EXPECT_TRUE(is_due(leaf, "a.home", kRoot, leaf.not_before - 1));  // made by a clock gone wrong
}

TEST(Calendar, ALeafThatEndsWithItsRootIsNotMadeAgainAndAgain) {
    const Validity last = leaf_validity(kRoot.not_after - 600, kRoot);
    EXPECT_FALSE(is_due(last, "a.home", kRoot, kRoot.not_after - 300));
}

}  // namespace
}  // namespace hearth::certs
