// Moves that people plan: a bid for a VIP, and a node that is drained.
#include <gtest/gtest.h>

#include "lb/core/reconciler.h"
#include "tests/lb/home_lan.h"

namespace hearth::lb {
namespace {

using test::HomeLan;
using Taken = Reconciler::Taken;

HomeLan settled(std::size_t nodes) {
    HomeLan lan(nodes);
    lan.plug_all();
    lan.run_for(5s);
    return lan;
}

Taken take(HomeLan& lan, std::size_t node) {
    Taken taken = Taken::kUnfit;
    lan.change(node, [&](Reconciler& r) { taken = r.take("dns", lan.now()); });
    return taken;
}

void set_duty(HomeLan& lan, std::size_t node, Duty duty) {
    lan.change(node, [&](Reconciler& r) { r.set_duty(duty, lan.now()); });
}

TEST(PlannedMove, TheLastPreferredNodeTakesAndKeepsTheVip) {
    auto lan = settled(3);
    EXPECT_EQ(take(lan, 2), Taken::kMoved);
    lan.run_for(2ms);
    EXPECT_TRUE(lan.owned_by(2));
    EXPECT_EQ(lan.client_view(), HomeLan::mac_of(2));
    lan.run_for(60s);
    EXPECT_TRUE(lan.owned_by(2)) << "no better node preempts";
    EXPECT_EQ(take(lan, 2), Taken::kOwned);
}

TEST(PlannedMove, SomebodyAnswersAtEveryMoment) {
    auto lan = settled(2);
    take(lan, 1);
    for (int i = 0; i < 100; ++i) {
        EXPECT_FALSE(lan.owners().empty()) << i;
        lan.run_for(100us);
    }
    EXPECT_TRUE(lan.owned_by(1));
}

TEST(PlannedMove, TheNewestWishWins) {
    auto lan = settled(3);
    take(lan, 2);
    lan.run_for(500ms);
    EXPECT_EQ(take(lan, 1), Taken::kUnfit) << "the other move is hardly over";
    lan.run_for(1s);
    for (int round = 0; round < 50; ++round) {
        const std::size_t next = round % 2 == 0 ? 1 : 2;
        EXPECT_EQ(take(lan, next), Taken::kMoved);
        lan.run_for(1500ms);
        EXPECT_TRUE(lan.owned_by(next)) << round;
    }
}

// One after the other, as an upgrade goes through the nodes, at an interval longer than a start.
TEST(PlannedEnd, IsFollowedByANodeThatHasJustStarted) {
    for (const int ms : {1, 200, 899, 901, 950, 2000}) {
        HomeLan lan(2, 1s);
        lan.plug_all();
        lan.run_for(10s);
        ASSERT_TRUE(lan.owned_by(0));
        lan.restart(1);
        lan.run_for(ms * 1ms);
        lan.change(0, [&](Reconciler& r) { r.stop(lan.now()); });
        lan.run_for(50ms);
        EXPECT_TRUE(lan.owned_by(1)) << ms;
    }
}

TEST(PlannedEnd, ANodeThatHasJustStartedKnowsTheOwner) {
    HomeLan lan(2, 1s);
    lan.plug_all();
    lan.run_for(10s);
    lan.restart(1);
    lan.run_for(5ms);
    EXPECT_EQ(lan.state(1), ElectionState::kBackup) << "it need not probe";
    EXPECT_EQ(lan.node(1).reconciler.view(lan.now())[0].master, HomeLan::address_of(0));
}

TEST(PlannedMove, IsForgottenWhenTheNodeDies) {
    auto lan = settled(2);
    take(lan, 1);
    lan.run_for(2s);
    lan.crash(1);
    lan.run_for(1s);
    EXPECT_TRUE(lan.owned_by(0));
    lan.restart(1);
    lan.run_for(30s);
    EXPECT_TRUE(lan.owned_by(0));
}

TEST(PlannedMove, IsForgottenWhenTheNodeIsUnwell) {
    auto lan = settled(2);
    take(lan, 1);
    lan.run_for(2s);
    lan.set_health(1, Health::kBad);
    lan.run_for(10ms);
    EXPECT_TRUE(lan.owned_by(0));
    lan.set_health(1, Health::kGood);
    lan.run_for(30s);
    EXPECT_TRUE(lan.owned_by(0));
}

TEST(PlannedMove, OnlyAWellCandidateTakes) {
    auto lan = settled(2);
    lan.set_health(1, Health::kBad);
    EXPECT_EQ(take(lan, 1), Taken::kUnfit);
    Taken taken = Taken::kMoved;
    lan.change(0, [&](Reconciler& r) { taken = r.take("proxy", lan.now()); });
    EXPECT_EQ(taken, Taken::kNoCandidate);
    EXPECT_TRUE(lan.owned_by(0));
}

// --- connections that were open ----------------------------------------------------------------

std::vector<Redirect> redirects(HomeLan& lan, std::size_t node) {
    return lan.node(node).reconciler.redirects();
}

TEST(OpenConnections, GoBackToTheNodeThatHandedOver) {
    HomeLan lan = settled(2);
    EXPECT_TRUE(redirects(lan, 0).empty());
    take(lan, 1);
    lan.run_for(2s);
    EXPECT_EQ(redirects(lan, 1), (std::vector<Redirect>{{HomeLan::vip(), HomeLan::mac_of(0)}}));
    take(lan, 0);
    lan.run_for(2s);
    EXPECT_EQ(redirects(lan, 0), (std::vector<Redirect>{{HomeLan::vip(), HomeLan::mac_of(1)}}));
    EXPECT_TRUE(redirects(lan, 1).empty()) << "who still came there does not any more";
}

TEST(OpenConnections, SurviveWhoeverIsNotWellAndWhoeverStops) {
    HomeLan lan = settled(2);
    lan.set_health(0, Health::kBad);
    lan.run_for(1s);
    EXPECT_EQ(
        redirects(lan, 1),
        (std::vector<Redirect>{{HomeLan::vip(), HomeLan::mac_of(0), Predecessor::Life::kUnwell}}));
    HomeLan other = settled(2);
    other.change(0, [&](Reconciler& r) { r.stop(other.now()); });
    other.run_for(1s);
    EXPECT_EQ(redirects(other, 1).size(), 1U);
}

TEST(OpenConnections, LateClientsComeForAWhileToWhereAVipWas) {
    using Place = VipPlace::Place;
    HomeLan lan = settled(2);
    const auto place = [&](std::size_t node) {
        return lan.node(node).reconciler.places(lan.now()).front();
    };
    EXPECT_EQ(place(0), (VipPlace{HomeLan::vip(), Place::kHere}));
    EXPECT_EQ(place(1), (VipPlace{HomeLan::vip(), Place::kElsewhere}));
    take(lan, 1);
    lan.run_for(Reconciler::kServeAfterMove - 1ms);
    EXPECT_EQ(place(0).place, Place::kJustLeft);
    EXPECT_EQ(place(1).place, Place::kHere);
    lan.run_for(2ms);
    EXPECT_EQ(place(0).place, Place::kElsewhere);
    lan.change(1, [&](Reconciler& r) { r.stop(lan.now()); });
    EXPECT_EQ(place(1).place, Place::kHere) << "until a successor is heard";
}

// Clients go on to come to a node that ends until they hear of its successor.
TEST(OpenConnections, AreLedOnForAMomentByANodeThatEnds) {
    HomeLan lan = settled(2);
    take(lan, 1);
    lan.run_for(2s);
    lan.change(1, [&](Reconciler& r) { r.stop(lan.now()); });
    lan.run_for(10ms);
    ASSERT_TRUE(lan.owned_by(0));
    EXPECT_EQ(redirects(lan, 1), (std::vector<Redirect>{{HomeLan::vip(), HomeLan::mac_of(0)}}));
    EXPECT_FALSE(lan.node(1).reconciler.is_idle());
    lan.run_for(Reconciler::kDoubt);
    EXPECT_TRUE(redirects(lan, 1).empty());
    EXPECT_TRUE(lan.node(1).reconciler.is_idle());
}

TEST(OpenConnections, DoNotHoldUpTheEndOfANodeThatIsCutOff) {
    HomeLan lan = settled(2);
    take(lan, 1);
    lan.run_for(2s);
    lan.change(1, [&](Reconciler& r) { r.stop(lan.now()); });
    lan.unplug(1);
    EXPECT_TRUE(lan.node(1).reconciler.is_idle());
    HomeLan late = settled(2);
    take(late, 1);
    late.run_for(2s);
    late.change(1, [&](Reconciler& r) { r.stop(late.now()); });
    late.run_for(10ms);
    late.unplug(1);  // after the successor was heard
    late.run_for(1s);
    EXPECT_TRUE(late.node(1).reconciler.is_idle());
}

TEST(OpenConnections, ADeadNodeHasNone) {
    HomeLan lan = settled(2);
    lan.crash(0);
    lan.run_for(320ms);
    ASSERT_TRUE(lan.owned_by(1));
    EXPECT_EQ(redirects(lan, 1).size(), 1U) << "it may only be busy";
    lan.run_for(Reconciler::kDoubt);
    EXPECT_TRUE(redirects(lan, 1).empty());
}

// hearth-lb hangs there, and the kernel answers for the node's own address as ever.
TEST(OpenConnections, ANodeThatWasOnlySilentKeepsItsOwn) {
    HomeLan lan = settled(2);
    bool is_asked = false;
    lan.lose([&](const Frame& frame) {
        const auto packet = parse_arp(frame.payload);
        if (frame.type == EtherType::kArp && packet)
            is_asked |= packet->target_ip == HomeLan::address_of(0);
        return false;
    });
    lan.suspend(0);
    lan.run_for(320ms);
    ASSERT_TRUE(lan.owned_by(1));
    EXPECT_TRUE(is_asked);
    lan.inject_arp({ArpOperation::kReply, HomeLan::mac_of(0), HomeLan::address_of(0),
                    HomeLan::mac_of(1), HomeLan::address_of(1)});
    lan.run_for(5s);
    EXPECT_EQ(redirects(lan, 1), (std::vector<Redirect>{{HomeLan::vip(), HomeLan::mac_of(0)}}));
    lan.resume(0);
    lan.run_for(5s);
    EXPECT_EQ(redirects(lan, 1).size(), 1U) << "better by priority, and waits to preempt";
}

// Clients go on to come there until somebody else announces the VIP.
TEST(OpenConnections, AreLedOnByAnOwnerThatLostItsLease) {
    HomeLan lan = settled(2);
    take(lan, 1);
    lan.run_for(2s);
    lan.suspend(0);
    lan.suspend(1);
    lan.run_for(400ms);
    lan.resume(1);
    lan.run_for(1ms);
    ASSERT_EQ(lan.state(1), ElectionState::kBackup);
    EXPECT_EQ(redirects(lan, 1).size(), 1U);
    lan.run_for(400ms);
    ASSERT_TRUE(lan.owned_by(1)) << "nobody else was there";
    lan.run_for(Reconciler::kDoubt);
    EXPECT_EQ(redirects(lan, 1), (std::vector<Redirect>{{HomeLan::vip(), HomeLan::mac_of(0)}}));
    lan.resume(0);
    lan.run_for(1s);
    take(lan, 0);
    lan.run_for(10ms);
    ASSERT_TRUE(lan.owned_by(0));
    EXPECT_EQ(redirects(lan, 1).size(), 1U);
    lan.run_for(Reconciler::kDoubt);
    EXPECT_TRUE(redirects(lan, 1).empty());
}

TEST(OpenConnections, EndWhenTheOldOwnerIsGoneAndAfterAnHour) {
    HomeLan lan = settled(2);
    take(lan, 1);
    lan.run_for(2s);
    lan.isolate(0);
    lan.run_for(Neighbours::kDeadAfter);
    EXPECT_TRUE(redirects(lan, 1).empty());
    HomeLan other = settled(2);
    take(other, 1);
    other.run_for(Reconciler::kServeOldConnections - 1s);
    EXPECT_EQ(redirects(other, 1).size(), 1U);
    other.run_for(2s);
    EXPECT_TRUE(redirects(other, 1).empty());
}

TEST(Drain, MovesAtOnceAndStaysAway) {
    auto lan = settled(2);
    set_duty(lan, 0, Duty::kDrained);
    lan.run_for(10ms);
    EXPECT_TRUE(lan.owned_by(1));
    EXPECT_EQ(take(lan, 0), Taken::kUnfit);
    lan.run_for(60s);
    EXPECT_TRUE(lan.owned_by(1));
    set_duty(lan, 0, Duty::kServing);
    lan.run_for(9s);
    EXPECT_TRUE(lan.owned_by(1)) << "returning is not urgent";
    lan.run_for(2s);
    EXPECT_TRUE(lan.owned_by(0));
}

TEST(Drain, TheOnlyWellNodeGoesOnServing) {
    auto lan = settled(2);
    lan.set_health(1, Health::kBad);
    lan.run_for(1s);
    set_duty(lan, 0, Duty::kDrained);
    lan.run_for(60s);
    EXPECT_TRUE(lan.owned_by(0));
    lan.set_health(1, Health::kGood);
    lan.run_for(500ms);
    EXPECT_TRUE(lan.owned_by(1));
}

TEST(Drain, AllDrainedLeavesTheLastOwner) {
    auto lan = settled(2);
    set_duty(lan, 0, Duty::kDrained);
    lan.run_for(1s);
    set_duty(lan, 1, Duty::kDrained);
    lan.run_for(60s);
    EXPECT_TRUE(lan.owned_by(1));
}

}  // namespace
}  // namespace hearth::lb
