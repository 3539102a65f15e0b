#include "lb/core/conflict_guard.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

const TimePoint kStart{1h};
constexpr MacAddress kStranger{{0xde, 0xad, 0, 0, 0, 1}};

TEST(ConflictGuard, ReportsOnceAndAfterAMoment) {
    ConflictGuard guard;
    guard.observe(kStranger, kStart);
    EXPECT_EQ(guard.take_report(kStart), std::nullopt);
    EXPECT_EQ(guard.holder(kStart), std::nullopt);
    const TimePoint due = guard.next_deadline();
    EXPECT_EQ(due, kStart + ConflictGuard::kReportAfter);
    EXPECT_EQ(guard.take_report(due), kStranger);
    EXPECT_EQ(guard.holder(due), kStranger);
    guard.observe(kStranger, due + 1s);
    EXPECT_EQ(guard.take_report(due + 5s), std::nullopt);
    EXPECT_EQ(guard.next_deadline(), kNever);
}

TEST(ConflictGuard, SilentHolderIsForgottenAndReportedAnew) {
    ConflictGuard guard;
    guard.observe(kStranger, kStart);
    EXPECT_TRUE(guard.take_report(kStart + 1s));
    EXPECT_EQ(guard.holder(kStart + ConflictGuard::kForgetAfter), std::nullopt);
    guard.observe(kStranger, kStart + 2 * ConflictGuard::kForgetAfter);
    EXPECT_EQ(guard.take_report(kStart + 2 * ConflictGuard::kForgetAfter + 1s), kStranger);
}

TEST(ConflictGuard, RouterOfTheGroupIsNoStranger) {
    ConflictGuard guard;
    guard.observe(kStranger, kStart);
    guard.absolve(kStranger);
    EXPECT_EQ(guard.next_deadline(), kNever);
    EXPECT_EQ(guard.take_report(kStart + 1s), std::nullopt);
}

TEST(ConflictGuard, DefendsAtMostOncePerInterval) {
    ConflictGuard guard;
    EXPECT_TRUE(guard.take_defence(kStart));
    EXPECT_FALSE(guard.take_defence(kStart + 9999ms));
    EXPECT_TRUE(guard.take_defence(kStart + 10s));
}

}  // namespace
}  // namespace hearth::lb
