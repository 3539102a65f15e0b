#include "lb/core/announcer.h"

#include <gtest/gtest.h>

#include <vector>

namespace hearth::lb {
namespace {

const TimePoint kStart{1h};

std::vector<Duration> announcements(Announcer& announcer, TimePoint until) {
    std::vector<Duration> times;
    while (announcer.next_deadline() <= until) {
        const TimePoint now = announcer.next_deadline();
        EXPECT_TRUE(announcer.take_due(now));
        times.push_back(now - kStart);
    }
    return times;
}

TEST(Announcer, OnceMoreAtOnceAndPastLinuxsLockTimeThenARefresh) {
    Announcer announcer;
    EXPECT_EQ(announcer.next_deadline(), kNever);
    announcer.start(kStart, 120s);
    EXPECT_EQ(announcements(announcer, kStart + 250s),
              (std::vector<Duration>{0s, 30ms, 1100ms, 2200ms, 122200ms, 242200ms}));
    announcer.stop();
    EXPECT_EQ(announcer.next_deadline(), kNever);
}

TEST(Announcer, RivalCannotSetThePace) {
    Announcer announcer;
    int sent = 0;
    for (TimePoint now = kStart; now < kStart + 1s; now += 1ms) {
        announcer.start(now, 120s);
        if (announcer.take_due(now)) ++sent;
    }
    EXPECT_EQ(sent, 10);
}

TEST(Announcer, ANewClaimIsToldAtOnce) {
    Announcer announcer;
    announcer.start(kStart, 120s);
    EXPECT_TRUE(announcer.take_due(kStart));
    announcer.stop();
    announcer.start(kStart + 30ms, 120s);
    EXPECT_TRUE(announcer.take_due(kStart + 30ms)) << "the LAN has heard somebody else meanwhile";
}

TEST(Announcer, NeverAgainWithoutRefresh) {
    Announcer announcer;
    announcer.start(kStart, Duration{});
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(announcer.take_due(announcer.next_deadline()));
    EXPECT_EQ(announcer.next_deadline(), kNever);
}

TEST(ClaimProbe, ThreeQuestionsThenClear) {
    ClaimProbe probe;
    probe.start(kStart);
    TimePoint now = kStart;
    for (std::size_t i = 0; i < ClaimProbe::kProbes; ++i) {
        EXPECT_EQ(probe.take_due(now), ClaimProbe::Due::kProbe);
        EXPECT_EQ(probe.take_due(now), ClaimProbe::Due::kNothing);
        now = probe.next_deadline();
    }
    EXPECT_EQ(now - kStart, 900ms);
    EXPECT_EQ(probe.take_due(now), ClaimProbe::Due::kClear);
    EXPECT_EQ(probe.next_deadline(), kNever);
}

TEST(ClaimProbe, ConflictAsksAgainLater) {
    ClaimProbe probe;
    probe.start(kStart);
    EXPECT_EQ(probe.take_due(kStart), ClaimProbe::Due::kProbe);
    probe.conflict(kStart + 1ms);
    EXPECT_EQ(probe.take_due(kStart + 5s), ClaimProbe::Due::kNothing);
    EXPECT_EQ(probe.take_due(kStart + 11s), ClaimProbe::Due::kProbe);
}

}  // namespace
}  // namespace hearth::lb
