#include "proxy/core/timer_wheel.h"

#include <gtest/gtest.h>

#include <vector>

namespace hearth::proxy {
namespace {

const TimePoint kStart{std::chrono::hours(5) + 7ms};

std::vector<Timer*> expired(TimerWheel& wheel, TimePoint now) {
    std::vector<Timer*> timers;
    while (Timer* timer = wheel.take_expired(now)) timers.push_back(timer);
    return timers;
}

// When each of the ticks after kStart fires it, in ticks.
int ticks_until(TimerWheel& wheel, const Timer& timer, int most) {
    for (int tick = 1; tick <= most; ++tick) {
        for (const Timer* fired : expired(wheel, kStart + tick * TimerWheel::kTick)) {
            if (fired == &timer) return tick;
        }
    }
    return -1;
}

TEST(TimerWheel, FiresNeverEarlyAndAtMostTwoTicksLate) {
    for (const Duration delay : {Duration(0ns), Duration(1ms), Duration(250ms), Duration(1s),
                                 Duration(30s), Duration(127s), Duration(128s), Duration(300s)}) {
        TimerWheel wheel(kStart);
        Timer timer;
        wheel.set(timer, kStart + delay);
        const int tick = ticks_until(wheel, timer, 2000);
        ASSERT_GT(tick, 0);
        EXPECT_GE(tick * TimerWheel::kTick, delay);
        EXPECT_LE(tick * TimerWheel::kTick, delay + 2 * TimerWheel::kTick);
        EXPECT_FALSE(timer.is_set());
    }
}

TEST(TimerWheel, LaterAndEarlierAndNever) {
    TimerWheel wheel(kStart);
    Timer later, earlier, never;
    wheel.set(later, kStart + 1s);
    wheel.set(later, kStart + 5s);
    wheel.set(earlier, kStart + 60s);
    wheel.set(earlier, kStart + 1s);
    wheel.set(never, kStart + 1s);
    wheel.set(never, kNever);
    EXPECT_EQ(expired(wheel, kStart + 2s), std::vector<Timer*>{&earlier});
    EXPECT_EQ(expired(wheel, kStart + 4s), std::vector<Timer*>{});
    EXPECT_EQ(expired(wheel, kStart + 6s), std::vector<Timer*>{&later});
}

TEST(TimerWheel, ATimerMayBeSetAgainWhileOthersFire) {
    TimerWheel wheel(kStart);
    Timer a, b;
    wheel.set(a, kStart + 1s);
    wheel.set(b, kStart + 1s);
    int fired = 0;
    while (Timer* timer = wheel.take_expired(kStart + 3s)) {
        ++fired;
        wheel.set(*timer, kStart + 10s);
    }
    EXPECT_EQ(fired, 2);
    EXPECT_EQ(expired(wheel, kStart + 11s).size(), 2U);
}

TEST(TimerWheel, ADestroyedTimerIsForgotten) {
    TimerWheel wheel(kStart);
    {
        Timer timer;
        wheel.set(timer, kStart + 1s);
    }
    EXPECT_TRUE(expired(wheel, kStart + 5s).empty());
}

TEST(TimerWheel, ALongSleepLosesNothing) {
    TimerWheel wheel(kStart);
    Timer timer;
    wheel.set(timer, kStart + 200s);
    EXPECT_EQ(expired(wheel, kStart + 24h).size(), 1U);
}

}  // namespace
}  // namespace hearth::proxy
