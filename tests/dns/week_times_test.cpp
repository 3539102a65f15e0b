#include "dns/core/week_times.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

constexpr std::int64_t kMonday = 4 * 86400;  // 1970-01-05

TEST(WeekTimes, LocalMinutes) {
    EXPECT_EQ(local_minute(0, 0).weekday, 3);
    EXPECT_EQ(local_minute(kMonday, 0).weekday, 0);
    EXPECT_EQ(local_minute(kMonday, -60).weekday, 6);
    EXPECT_EQ(local_minute(kMonday, -60).minute, 24 * 60 - 1);
    EXPECT_EQ(local_minute(-60, 0).weekday, 2);
    EXPECT_EQ(local_minute(kMonday, 3600).minute, 60);
}

TEST(WeekTimes, OverMidnightBelongsToTheDayItBeginsOn) {
    const WeekTimes nights{0b0000001, {{21 * 60, 6 * 60 + 30}}};  // Mondays
    EXPECT_FALSE(nights.contains({0, 6 * 60}));
    EXPECT_FALSE(nights.contains({0, 21 * 60 - 1}));
    EXPECT_TRUE(nights.contains({0, 21 * 60}));
    EXPECT_TRUE(nights.contains({1, 6 * 60 + 29}));
    EXPECT_FALSE(nights.contains({1, 6 * 60 + 30}));
    EXPECT_FALSE(nights.contains({1, 22 * 60}));
    const WeekTimes sundays{0b1000000, {{23 * 60, 60}}};
    EXPECT_TRUE(sundays.contains({0, 59}));
}

TEST(WeekTimes, SeveralSpansAndWholeDays) {
    const WeekTimes times{0x7f, {{60, 120}, {180, 240}}};
    EXPECT_TRUE(times.contains({2, 60}));
    EXPECT_FALSE(times.contains({2, 120}));
    EXPECT_TRUE(times.contains({2, 239}));
    const WeekTimes saturday{0b0100000, {{0, 24 * 60}}};
    EXPECT_TRUE(saturday.contains({5, 0}));
    EXPECT_TRUE(saturday.contains({5, 24 * 60 - 1}));
    EXPECT_FALSE(saturday.contains({6, 0}));
}

}  // namespace
}  // namespace hearth::dns
