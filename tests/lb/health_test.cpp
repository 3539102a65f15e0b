#include "lb/core/health.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

DaemonHealth well() {
    DaemonHealth health;
    health.connected();
    for (int i = 0; i < DaemonHealth::kRise; ++i) health.answered();
    return health;
}

TEST(DaemonHealth, BeginsBadAndRisesAfterSomeAnswers) {
    DaemonHealth health;
    EXPECT_EQ(health.reason(), "not running");
    health.connected();
    EXPECT_EQ(health.reason(), "starting");
    health.answered();
    EXPECT_EQ(health.health(), Health::kBad);
    health.answered();
    EXPECT_EQ(health.health(), Health::kGood);
    EXPECT_EQ(health.reason(), "ok");
}

TEST(DaemonHealth, EndOfTheProcessIsBadAtOnce) {
    auto health = well();
    health.disconnected();
    EXPECT_EQ(health.health(), Health::kBad);
    EXPECT_EQ(health.reason(), "not running");
}

TEST(DaemonHealth, AnswersWithoutAConnectionDoNotCount) {
    DaemonHealth health;
    for (int i = 0; i < 10; ++i) health.answered();
    EXPECT_EQ(health.health(), Health::kBad);
}

TEST(DaemonHealth, FallsOnlyAfterSeveralUnansweredQuestionsInARow) {
    auto health = well();
    for (int i = 0; i < 10; ++i) {
        health.unanswered();
        health.unanswered();
        EXPECT_EQ(health.health(), Health::kGood);
        health.answered();
    }
    for (int i = 0; i < DaemonHealth::kFall; ++i) health.unanswered();
    EXPECT_EQ(health.health(), Health::kBad);
    EXPECT_EQ(health.reason(), "does not answer");
    health.answered();
    EXPECT_EQ(health.health(), Health::kBad) << "rises as slowly as at first";
    health.answered();
    EXPECT_EQ(health.health(), Health::kGood);
}

TEST(DaemonHealth, NewConnectionIsNoVerdictYet) {
    DaemonHealth health;
    EXPECT_EQ(health.verdict(), Health::kBad) << "nobody there";
    health.connected();
    EXPECT_EQ(health.verdict(), std::nullopt);
    health.answered();
    EXPECT_EQ(health.verdict(), std::nullopt);
    health.answered();
    EXPECT_EQ(health.verdict(), Health::kGood);
    DaemonHealth silent;
    silent.connected();
    for (int i = 0; i < DaemonHealth::kFall; ++i) {
        EXPECT_EQ(silent.verdict(), std::nullopt);
        silent.unanswered();
    }
    EXPECT_EQ(silent.verdict(), Health::kBad);
}

TEST(DaemonHealth, AsksOftenOnlyWhileSomethingMayChange) {
    auto health = well();
    EXPECT_EQ(health.until_next_question(), DaemonHealth::kCalm);
    health.unanswered();
    EXPECT_EQ(health.until_next_question(), DaemonHealth::kSoon);
}

}  // namespace
}  // namespace hearth::lb
