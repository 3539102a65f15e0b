#include "lb/core/election.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace hearth::lb {
namespace {

using S = ElectionState;

const IpAddress kOwn = IpAddress::v4(10, 0, 0, 12);
const IpAddress kLower = IpAddress::v4(10, 0, 0, 11);
const IpAddress kHigher = IpAddress::v4(10, 0, 0, 13);

VirtualRouter settings(Priority priority = 190) {
    VirtualRouter router;
    router.vrid = 53;
    router.vips = {{"dns", IpAddress::v4(10, 0, 0, 53)}};
    router.priority = priority;
    router.nodes = {kLower, kHigher};
    return router;
}

HeardAdvert advert(IpAddress from, int priority, Duration interval = 100ms,
                   Speaker speaker = Speaker::kHearth) {
    return {from, static_cast<Priority>(priority), interval, speaker};
}

// An election with verbs; time only moves when told.
class ElectionTest : public testing::Test {
protected:
    explicit ElectionTest(const VirtualRouter& router = settings())
        : election(router, Health::kGood) {}

    Effects enable() { return election.enable(kOwn, now); }
    Effects hear(const HeardAdvert& heard) { return election.on_advert(heard, now); }
    void pass(Duration time) {
        const TimePoint end = now + time;
        while (election.next_deadline() <= end) {
            now = std::max(now, election.next_deadline());
            election.on_timer(now);
        }
        now = end;
    }
    void become_master() {
        enable();
        election.probe_clear(now);
        pass(400ms);
        ASSERT_EQ(election.state(), S::kMaster);
    }
    void become_backup(int priority = 200) {
        enable();
        hear(advert(kLower, priority));
        ASSERT_EQ(election.state(), S::kBackup);
    }

    TimePoint now{1h};
    Election election;
};

TEST(ElectionRules, EachStateAndEventLeadsToOnePlace) {
    std::set<std::tuple<S, ElectionEvent>> seen;
    for (const auto& rule : transition_rules())
        EXPECT_TRUE(seen.emplace(rule.state, rule.event).second)
            << to_string(rule.state) << " " << to_string(rule.event);
}

TEST(ElectionRules, EveryStateCanBeLeftWhenTheLinkGoes) {
    for (const auto state : {S::kProbing, S::kBackup, S::kMaster, S::kReleasing}) {
        const auto rules = transition_rules();
        EXPECT_TRUE(std::any_of(rules.begin(), rules.end(), [&](const TransitionRule& r) {
            return r.state == state && r.event == ElectionEvent::kDisabled && r.next == S::kInit;
        })) << to_string(state);
    }
}

TEST(ElectionRules, NamesArePrintable) {
    for (const auto& rule : transition_rules()) {
        EXPECT_NE(to_string(rule.state), "?");
        EXPECT_NE(to_string(rule.event), "?");
    }
}

TEST(ElectionTimers, AsInTheRfc) {
    EXPECT_EQ(Election::skew(200, 1s), 218750000ns);
    EXPECT_EQ(Election::skew(116, 100ms), 54687500ns);
}

TEST_F(ElectionTest, ProbesBeforeTheFirstClaimOnly) {
    EXPECT_TRUE(enable().has(Effect::kProbe));
    pass(10s);
    EXPECT_EQ(election.state(), S::kProbing) << "nothing is claimed before the probes are clear";
    election.probe_clear(now);
    pass(400ms);
    EXPECT_EQ(election.state(), S::kMaster);
    election.disable(now);
    EXPECT_FALSE(enable().has(Effect::kProbe));
    EXPECT_EQ(election.state(), S::kBackup);
}

TEST_F(ElectionTest, ClaimAdvertisesAndAnnounces) {
    enable();
    election.probe_clear(now);
    now = election.next_deadline();
    const Effects effects = election.on_timer(now);
    EXPECT_TRUE(effects.has(Effect::kAdvertise));
    EXPECT_TRUE(effects.has(Effect::kAnnounce));
    EXPECT_TRUE(election.owns(now));
}

TEST_F(ElectionTest, BackupAdoptsTheMastersInterval) {
    enable();
    hear(advert(kLower, 200, 1s));
    EXPECT_EQ(election.next_deadline() - now, 3s + Election::skew(190, 500ms));
    hear(advert(kLower, 200, 10ms));
    EXPECT_EQ(election.next_deadline() - now, 30ms + Election::skew(190, 5ms));
}

TEST_F(ElectionTest, EqualPriorityIsDecidedByTheAddress) {
    become_master();
    EXPECT_TRUE(hear(advert(kLower, 190)).has(Effect::kAdvertise));
    EXPECT_EQ(election.state(), S::kMaster);
    hear(advert(kHigher, 190));
    EXPECT_EQ(election.state(), S::kBackup);
    EXPECT_EQ(election.master(), kHigher);
}

TEST_F(ElectionTest, MasterAnswersALesserOneAtOnceAndAnnouncesAgain) {
    become_master();
    const Effects effects = hear(advert(kLower, 100));
    EXPECT_TRUE(effects.has(Effect::kAdvertise));
    EXPECT_TRUE(effects.has(Effect::kAnnounce));
}

TEST_F(ElectionTest, YieldingTellsTheSurvivorUnlessForeignersListen) {
    become_master();
    EXPECT_TRUE(hear(advert(kLower, 200)).has(Effect::kRelease));

    auto mixed = settings();
    mixed.foreign_peers = {kHigher};
    Election other(mixed, Health::kGood);
    other.enable(kOwn, now);
    other.probe_clear(now);
    now += 400ms;
    other.on_timer(now);
    ASSERT_EQ(other.state(), S::kMaster);
    EXPECT_FALSE(
        other.on_advert(advert(kHigher, 200, 100ms, Speaker::kForeign), now).has(Effect::kRelease));
}

TEST_F(ElectionTest, ReleaseByTheMasterIsFollowedWithinMilliseconds) {
    become_backup();
    hear(advert(kLower, kReleasePriority));
    EXPECT_LE(election.next_deadline() - now, 5ms);
}

TEST_F(ElectionTest, ReleaseByAnotherBackupMeansNothing) {
    become_backup();
    const auto deadline = election.next_deadline();
    hear(advert(kHigher, kReleasePriority));
    EXPECT_EQ(election.next_deadline(), deadline);
}

TEST_F(ElectionTest, WhoKnowsNoMasterYetFollowsARelease) {
    enable();
    election.probe_clear(now);
    ASSERT_EQ(election.state(), S::kBackup);
    hear(advert(kLower, kReleasePriority));
    EXPECT_EQ(election.master(), kLower);
    pass(25ms);
    EXPECT_EQ(election.state(), S::kMaster);
    ASSERT_TRUE(election.predecessor());
    EXPECT_EQ(election.predecessor()->address, kLower);
    EXPECT_EQ(election.predecessor()->life, Predecessor::Life::kAlive);
}

TEST_F(ElectionTest, WhyItTookOverTellsWhatThePredecessorIs) {
    using Life = Predecessor::Life;
    become_backup();
    hear(advert(kLower, 100));
    pass(10ms);
    ASSERT_TRUE(election.predecessor());
    EXPECT_EQ(election.predecessor()->life, Life::kUnwell);
    hear(advert(kLower, 200));
    ASSERT_EQ(election.state(), S::kBackup);
    pass(400ms);
    EXPECT_EQ(election.predecessor()->life, Life::kSilent);
    hear(advert(kLower, 200));
    election.master_vanished(kLower, now);
    pass(10ms);
    EXPECT_EQ(election.predecessor()->life, Life::kSilent);
    hear(advert(kLower, 200));
    hear(advert(kLower, kReleasePriority));
    pass(10ms);
    EXPECT_EQ(election.predecessor()->life, Life::kAlive);
}

TEST_F(ElectionTest, AReleaseEndsProbing) {
    enable();
    hear(advert(kLower, kReleasePriority));
    EXPECT_EQ(election.state(), S::kBackup);
    pass(25ms);
    EXPECT_EQ(election.state(), S::kMaster);
}

TEST_F(ElectionTest, AReleaseThatYieldsToAnOwnerIsNoneForWhoKnowsNoMasterYet) {
    enable();
    election.probe_clear(now);
    hear(advert(kLower, kReleasePriority));
    pass(10ms);
    hear(advert(kHigher, 200));
    pass(200ms);
    EXPECT_EQ(election.state(), S::kBackup);
    EXPECT_EQ(election.master(), kHigher);
}

TEST_F(ElectionTest, AnOwnerThatIsAskedSaysSoAtOnce) {
    EXPECT_FALSE(election.asked(now).has(Effect::kAdvertise));
    become_master();
    EXPECT_TRUE(election.asked(now).has(Effect::kAdvertise));
    election.stop(now);
    EXPECT_TRUE(election.asked(now).has(Effect::kRelease));
    now += 500ms;
    EXPECT_FALSE(election.asked(now).has(Effect::kRelease)) << "its lease is over";
}

TEST_F(ElectionTest, AmongForeignersTheRfcsSkewHolds) {
    auto mixed = settings();
    mixed.foreign_peers = {kHigher};
    Election other(mixed, Health::kGood);
    other.enable(kOwn, now);
    other.on_advert(advert(kHigher, 200, 1s, Speaker::kForeign), now);
    EXPECT_EQ(other.next_deadline() - now, 3s + Election::skew(190, 1s));
    other.on_advert(advert(kHigher, 0, 1s, Speaker::kForeign), now);
    EXPECT_EQ(other.next_deadline() - now, Election::skew(190, 1s));
}

TEST_F(ElectionTest, HintCountsOnlyForTheMaster) {
    become_backup();
    const auto deadline = election.next_deadline();
    election.master_vanished(kHigher, now);
    EXPECT_EQ(election.next_deadline(), deadline);
    election.master_vanished(kLower, now);
    EXPECT_LE(election.next_deadline() - now, 5ms);
    hear(advert(kLower, 200));
    EXPECT_GT(election.next_deadline() - now, 300ms) << "it lives: the hint was wrong";
}

TEST_F(ElectionTest, PreemptsAfterTheDelayOnly) {
    become_backup(150);
    for (int i = 0; i < 99; ++i) {
        pass(100ms);
        hear(advert(kLower, 150));
        ASSERT_EQ(election.state(), S::kBackup) << i;
    }
    pass(200ms);
    EXPECT_EQ(election.state(), S::kMaster);
}

TEST_F(ElectionTest, UnwellMasterIsRelievedAtOnceByAWellOneOnly) {
    become_backup();
    hear(advert(kLower, 100));
    EXPECT_LE(election.next_deadline() - now, 5ms);

    Election unwell(settings(), Health::kBad);
    unwell.enable(kOwn, now);
    for (int i = 0; i < 300; ++i) {
        unwell.on_advert(advert(kLower, 80), now);
        now += 100ms;
        unwell.on_timer(now);
        ASSERT_EQ(unwell.state(), S::kBackup);
    }
}

TEST_F(ElectionTest, ForeignMasterWithALowPriorityIsNotUnwell) {
    enable();
    hear(advert(kLower, 100, 100ms, Speaker::kForeign));
    EXPECT_GT(election.next_deadline() - now, 300ms);
}

TEST_F(ElectionTest, HealthLowersThePriorityAndIsToldAtOnce) {
    become_master();
    EXPECT_EQ(election.priority(), 190);
    EXPECT_TRUE(election.set_health(Health::kBad, now).has(Effect::kAdvertise));
    EXPECT_EQ(election.priority(), 90);
    EXPECT_EQ(election.state(), S::kMaster) << "it keeps the VIP until somebody better comes";
}

TEST_F(ElectionTest, LeaseEndsWhenNoAdvertCouldBeSent) {
    become_master();
    now = election.next_deadline() + 199ms;
    EXPECT_TRUE(election.owns(now));
    now += 1ms;
    EXPECT_FALSE(election.owns(now));
    EXPECT_TRUE(election.on_timer(now).has(Effect::kWithdraw));
    EXPECT_EQ(election.state(), S::kBackup);
}

TEST_F(ElectionTest, AdvertHeardAfterASuspensionIsHeardAsABackup) {
    become_master();
    now += 10s;
    hear(advert(kLower, 100));
    EXPECT_EQ(election.state(), S::kBackup) << "although we would beat it";
}

TEST_F(ElectionTest, StopKeepsAnsweringUntilTheSuccessorIsHeard) {
    become_master();
    EXPECT_TRUE(election.stop(now).has(Effect::kRelease));
    EXPECT_EQ(election.state(), S::kReleasing);
    EXPECT_TRUE(election.owns(now));
    hear(advert(kLower, 100));
    EXPECT_EQ(election.state(), S::kInit);
    EXPECT_FALSE(election.owns(now));
}

TEST_F(ElectionTest, StopRepeatsTheReleaseAndEndsWithoutSuccessor) {
    become_master();
    election.stop(now);
    now = election.next_deadline();
    EXPECT_TRUE(election.on_timer(now).has(Effect::kRelease));
    pass(400ms);
    EXPECT_EQ(election.state(), S::kInit);
}

TEST_F(ElectionTest, ALostReleaseIsSoonRepeatedWhateverTheInterval) {
    auto slow = settings();
    slow.interval = 1s;
    Election nodes(slow, Health::kGood);
    slow.foreign_peers = {kHigher};
    Election foreign(slow, Health::kGood);
    for (Election* one : {&nodes, &foreign}) {
        one->enable(kOwn, now);
        one->probe_clear(now);
        now = one->next_deadline();
        one->on_timer(now);
        ASSERT_EQ(one->state(), S::kMaster);
        one->stop(now);
    }
    EXPECT_LE(nodes.next_deadline() - now, 100ms);
    EXPECT_EQ(foreign.next_deadline() - now, 1s) << "each begins the RFC's skew anew";
}

TEST_F(ElectionTest, StopOfABackupIsImmediate) {
    become_backup();
    election.stop(now);
    EXPECT_EQ(election.state(), S::kInit);
}

class NoPreemptTest : public ElectionTest {
protected:
    static VirtualRouter patient() {
        VirtualRouter router = settings(200);
        router.preemption = Preemption::kNever;
        return router;
    }
    NoPreemptTest() : ElectionTest(patient()) {}

    void hear_for(Duration time, int priority) {
        for (const TimePoint end = now + time; now < end;) {
            hear(advert(kHigher, priority));
            pass(100ms);
        }
    }
};

TEST_F(NoPreemptTest, LeavesTheAddressWithWhoeverDoesWell) {
    become_master();
    for (int flap = 0; flap < 3; ++flap) {
        election.disable(now);
        pass(1s);
        enable();
        hear_for(60s, 190);
        EXPECT_EQ(election.state(), S::kBackup);
        pass(1s);  // the other one dies
        EXPECT_EQ(election.state(), S::kMaster);
    }
}

TEST_F(NoPreemptTest, RelievesWhoeverIsNotWellAndObeysPeople) {
    become_backup(190);
    hear_for(1s, 90);
    EXPECT_EQ(election.state(), S::kMaster);
    hear(advert(kHigher, 250));
    hear_for(1s, 190);
    EXPECT_EQ(election.state(), S::kBackup);
    election.bid(now);
    EXPECT_EQ(election.state(), S::kMaster);
}

TEST_F(ElectionTest, WhatIsTrackedCostsPriority) {
    become_master();
    EXPECT_TRUE(election.set_penalty(20, now).has(Effect::kAdvertise));
    EXPECT_EQ(election.priority(), 170);
    hear(advert(kLower, 180));
    EXPECT_EQ(election.state(), S::kBackup);
    EXPECT_FALSE(election.set_penalty(0, now).has(Effect::kAdvertise));
    for (int i = 0; i < 101; ++i) {
        hear(advert(kLower, 180));
        pass(100ms);
    }
    EXPECT_EQ(election.state(), S::kMaster);
}

TEST_F(ElectionTest, WhoeverFallsBelowTheFloorRelievesNobody) {
    become_backup(100);
    election.set_penalty(100, now);
    for (int i = 0; i < 200; ++i) {
        hear(advert(kLower, 80));
        pass(100ms);
    }
    EXPECT_EQ(election.state(), S::kBackup);
    election.set_penalty(0, now);
    hear(advert(kLower, 80));
    pass(10ms);
    EXPECT_EQ(election.state(), S::kMaster);
}

// RFC 3768 §6.1: three intervals and a skew that counts in seconds.
TEST(ElectionVersion2, SkewCountsInSeconds) {
    VirtualRouter router = settings(192);
    router.version = VrrpVersion::kV2;
    router.interval = 10s;
    Election election(router, Health::kGood);
    const TimePoint now{1h};
    election.enable(kOwn, now);
    election.on_advert(advert(kLower, 200, 10s, Speaker::kForeign), now);
    EXPECT_EQ(election.next_deadline(), now + 30s + 250ms);
}

TEST(PriorityOfRank, DescendsAndStaysAboveTheFloor) {
    EXPECT_EQ(priority_of_rank(0, 2), 200);
    EXPECT_EQ(priority_of_rank(1, 2), 190);
    for (const std::size_t candidates : {1U, 2U, 9U, 10U, 50U, 85U, 200U}) {
        for (std::size_t rank = 0; rank < candidates; ++rank) {
            EXPECT_GE(priority_of_rank(rank, candidates), kHealthyFloor);
            if (rank == 0 || candidates > 85) continue;
            EXPECT_LT(priority_of_rank(rank, candidates), priority_of_rank(rank - 1, candidates));
        }
    }
}

}  // namespace
}  // namespace hearth::lb
