#include "lb/core/backend_checks.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

using Outcome = BackendChecks::Outcome;

const TimePoint kStart{};

CheckTarget target(std::uint8_t last, Duration interval = 2s) {
    CheckTarget one;
    one.endpoint = {IpAddress::v4(10, 0, 0, last), 80};
    one.check.interval = interval;
    return one;
}

TEST(BackendChecks, FirstAnswerDecidesAlone) {
    BackendChecks checks;
    checks.apply({target(1), target(2)}, kStart);
    EXPECT_EQ(checks.state(target(1)), BackendState::kUnknown);
    EXPECT_EQ(checks.answered(target(1), true), Outcome::kChanged);
    EXPECT_EQ(checks.answered(target(2), false), Outcome::kChanged);
    EXPECT_EQ(checks.state(target(1)), BackendState::kUp);
    EXPECT_EQ(checks.state(target(2)), BackendState::kDown);
}

TEST(BackendChecks, FallsAfterThreeInARowAndRisesAfterTwo) {
    BackendChecks checks;
    checks.apply({target(1)}, kStart);
    const std::string answers = "+--+---+-++";
    std::string states;
    for (const char answer : answers) {
        checks.answered(target(1), answer == '+');
        states += checks.state(target(1)) == BackendState::kUp ? 'u' : 'd';
    }
    EXPECT_EQ(states,
              "uuuuuudddd"
              "u");
}

TEST(BackendChecks, EachIsAskedAtItsInterval) {
    BackendChecks checks;
    checks.apply({target(1, 1s), target(2, 3s)}, kStart);
    EXPECT_EQ(checks.take_due(kStart + 10ms).size(), 2U);
    EXPECT_TRUE(checks.take_due(kStart + 500ms).empty());
    EXPECT_EQ(checks.next_deadline(), kStart + 1010ms);
    EXPECT_EQ(checks.take_due(kStart + 1010ms), std::vector{target(1, 1s)});
    EXPECT_EQ(checks.take_due(kStart + 4s).size(), 2U) << "once, however late";
}

TEST(BackendChecks, ManyBeginALittleApart) {
    BackendChecks checks;
    std::set<CheckTarget> many;
    for (std::uint8_t i = 0; i < 100; ++i) many.insert(target(i));
    checks.apply(many, kStart);
    EXPECT_EQ(checks.take_due(kStart).size(), 1U);
    EXPECT_EQ(checks.take_due(kStart + 50ms).size(), 50U);
}

TEST(BackendChecks, ThoseThatGoOnKeepTheirState) {
    BackendChecks checks;
    checks.apply({target(1), target(2)}, kStart);
    checks.answered(target(1), false);
    checks.apply({target(1), target(3)}, kStart + 1s);
    EXPECT_EQ(checks.state(target(1)), BackendState::kDown);
    EXPECT_EQ(checks.state(target(2)), BackendState::kUnchecked);
    EXPECT_EQ(checks.answered(target(2), false), Outcome::kAsBefore) << "an answer too late";
    checks.apply({}, kStart + 2s);
    EXPECT_EQ(checks.next_deadline(), kNever);
}

}  // namespace
}  // namespace hearth::lb
