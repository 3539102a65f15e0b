#include "lb/core/reconciler.h"

#include <gtest/gtest.h>

#include <random>

#include "lb/core/arp_codec.h"
#include "lb/core/vrrp_codec.h"
#include "tests/lb/home_lan.h"

namespace hearth::lb {
namespace {

using test::HomeLan;

constexpr MacAddress kStranger{{0xde, 0xad, 0, 0, 0, 1}};
constexpr MacAddress kClient{{2, 0, 0, 0, 0, 99}};
const IpAddress kClientIp = IpAddress::v4(10, 0, 0, 99);

HomeLan settled(std::size_t nodes) {
    HomeLan lan(nodes);
    lan.plug_all();
    lan.run_for(5s);
    return lan;
}

ArpPacket question() {
    return {ArpOperation::kRequest, kClient, kClientIp, MacAddress{}, HomeLan::vip()};
}

TEST(Reconciler, FirstPreferredNodeOwnsAfterProbing) {
    HomeLan lan(3);
    lan.plug_all();
    lan.run_for(800ms);
    EXPECT_TRUE(lan.owners().empty()) << "nobody claims while the probes are out";
    lan.run_for(1s);
    EXPECT_TRUE(lan.owned_by(0));
    EXPECT_EQ(lan.client_view(), HomeLan::mac_of(0));
    EXPECT_EQ(lan.state(1), ElectionState::kBackup);
    EXPECT_EQ(lan.state(2), ElectionState::kBackup);
}

TEST(Reconciler, OnlyTheOwnerAnswersArp) {
    auto lan = settled(2);
    const auto not_owner = lan.node(1).reconciler.drops().of(Drop::kNotOwner);
    for (std::size_t i = 0; i < 2; ++i) {
        auto& r = lan.node(i).reconciler;
        r.on_arp(arp_frame(kBroadcastMac, question()).payload, Delivery::kBroadcast, lan.now());
        const Output out = r.take_output();
        ASSERT_EQ(out.frames.size(), i == 0 ? 1U : 0U);
        if (i != 0) continue;
        EXPECT_EQ(out.frames[0].destination, kClient);
        const auto answer = parse_arp(out.frames[0].payload);
        ASSERT_TRUE(answer);
        EXPECT_EQ(*answer, (ArpPacket{ArpOperation::kReply, HomeLan::mac_of(0), HomeLan::vip(),
                                      kClient, kClientIp}));
    }
    EXPECT_EQ(lan.node(1).reconciler.drops().of(Drop::kNotOwner), not_owner + 1);
}

TEST(Reconciler, ProbesOfOthersAreAnsweredByTheOwner) {
    auto lan = settled(1);
    auto probe = question();
    probe.sender_ip = IpAddress{};
    auto& r = lan.node(0).reconciler;
    r.on_arp(arp_frame(kBroadcastMac, probe).payload, Delivery::kBroadcast, lan.now());
    EXPECT_EQ(r.take_output().frames.size(), 1U);
}

TEST(Reconciler, CrashOfTheOwnerCostsAtMostThreeIntervalsAndSkew) {
    auto lan = settled(3);
    lan.crash(0);
    const auto outage = lan.time_until([&] { return lan.state(1) == ElectionState::kMaster; }, 5s);
    EXPECT_LE(outage, 300ms + Election::skew(190, 100ms) + 1ms);
    lan.run_for(5s);
    EXPECT_EQ(lan.state(2), ElectionState::kBackup);
    EXPECT_EQ(lan.client_view(), HomeLan::mac_of(1));
}

TEST(Reconciler, DeadProcessesReportedByThePeersAreReplacedWithinMilliseconds) {
    auto lan = settled(3);
    lan.crash(0);
    for (const std::size_t i : {1U, 2U}) {
        lan.change(i,
                   [&](Reconciler& r) { r.on_node_vanished(HomeLan::address_of(0), lan.now()); });
    }
    const auto outage = lan.time_until([&] { return lan.state(1) == ElectionState::kMaster; }, 5s);
    EXPECT_LE(outage, 5ms);
    lan.run_for(1s);
    EXPECT_EQ(lan.state(2), ElectionState::kBackup);
    EXPECT_TRUE(lan.node(2).transitions.size() == 2) << "only its start";
}

TEST(Reconciler, WrongHintIsCorrectedByTheLivingMaster) {
    auto lan = settled(2);
    lan.change(1, [&](Reconciler& r) { r.on_node_vanished(HomeLan::address_of(0), lan.now()); });
    lan.run_for(50ms);
    EXPECT_TRUE(lan.owned_by(0));
    lan.run_for(2s);
    EXPECT_EQ(lan.client_view(), HomeLan::mac_of(0));
}

TEST(Reconciler, ReturningNodeWaitsForThePreemptDelay) {
    auto lan = settled(2);
    lan.crash(0);
    lan.run_for(2s);
    ASSERT_TRUE(lan.state(1) == ElectionState::kMaster);
    lan.restart(0);
    lan.run_for(9800ms);
    EXPECT_TRUE(lan.owned_by(1));
    lan.run_for(500ms);
    EXPECT_TRUE(lan.owned_by(0));
    EXPECT_EQ(lan.client_view(), HomeLan::mac_of(0));
}

TEST(Reconciler, PlannedMovesNeverLeaveTheVipWithoutOwner) {
    auto lan = settled(2);
    lan.crash(0);
    lan.run_for(1s);
    lan.restart(0);
    for (int i = 0; i < 150'000 && !lan.owned_by(0); ++i) {
        ASSERT_FALSE(lan.owners().empty());
        lan.run_for(100us);
    }
    EXPECT_TRUE(lan.owned_by(0));
}

TEST(Reconciler, BadHealthMovesTheVipAtOnceWithoutPreemptDelay) {
    auto lan = settled(3);
    lan.set_health(0, Health::kBad);
    const auto move = lan.time_until([&] { return lan.owned_by(1); }, 1s);
    EXPECT_LE(move, 10ms);
    lan.run_for(5s);
    EXPECT_TRUE(lan.owned_by(1));
    lan.set_health(0, Health::kGood);
    lan.run_for(9900ms);
    EXPECT_TRUE(lan.owned_by(1)) << "health came back: the preempt delay holds";
    lan.run_for(1s);
    EXPECT_TRUE(lan.owned_by(0));
}

TEST(Reconciler, LastOwnerKeepsTheVipWhenNobodyIsHealthy) {
    auto lan = settled(2);
    lan.set_health(1, Health::kBad);
    lan.set_health(0, Health::kBad);
    lan.run_for(30s);
    EXPECT_TRUE(lan.owned_by(0));

    auto other = settled(2);
    other.set_health(0, Health::kBad);
    other.run_for(1s);
    ASSERT_TRUE(other.owned_by(1));
    other.set_health(1, Health::kBad);
    other.run_for(30s);
    EXPECT_TRUE(other.owned_by(1)) << "the preferred one is not well either";
    other.set_health(0, Health::kGood);
    other.run_for(200ms);
    EXPECT_TRUE(other.owned_by(0));
}

TEST(Reconciler, UnhealthyNodeStillTakesOverFromADeadOne) {
    auto lan = settled(2);
    lan.set_health(1, Health::kBad);
    lan.crash(0);
    lan.run_for(500ms);
    EXPECT_EQ(lan.state(1), ElectionState::kMaster);
}

TEST(Reconciler, CleanStopHandsOverBeforeItEnds) {
    auto lan = settled(2);
    lan.change(0, [&](Reconciler& r) { r.stop(lan.now()); });
    while (!lan.node(0).reconciler.is_idle()) {
        ASSERT_FALSE(lan.owners().empty());
        lan.run_for(100us);
    }
    EXPECT_TRUE(lan.owned_by(1));
    EXPECT_EQ(lan.client_view(), HomeLan::mac_of(1));
}

TEST(Reconciler, CleanStopEndsWhenNobodyTakesOver) {
    auto alone = settled(1);
    alone.change(0, [&](Reconciler& r) { r.stop(alone.now()); });
    alone.run_for(1ms);
    EXPECT_TRUE(alone.node(0).reconciler.is_idle());

    auto lan = settled(2);
    lan.crash(1);
    lan.change(0, [&](Reconciler& r) { r.stop(lan.now()); });
    lan.run_for(401ms);
    EXPECT_TRUE(lan.node(0).reconciler.is_idle());
}

TEST(Reconciler, PartitionHasTwoOwnersAndHealsToOne) {
    auto lan = settled(2);
    for (int round = 0; round < 20; ++round) {
        lan.isolate(0);
        lan.run_for(1s + round * 7ms);
        ASSERT_EQ(lan.owners().size(), 2U);
        lan.join(0);
        const auto healed = lan.time_until([&] { return lan.owned_by(0); }, 1s);
        EXPECT_LE(healed, 110ms);
        lan.run_for(1s);
        EXPECT_EQ(lan.client_view(), HomeLan::mac_of(0)) << "round " << round;
    }
}

// Whoever speaks first, the lesser of the two is no owner any more.
TEST(Reconciler, APartitionThatHealsHasOneOwnerWithinAnInterval) {
    for (const std::size_t cut : {0U, 1U}) {
        for (Duration phase{}; phase < 1s; phase += 37ms) {
            HomeLan lan(2, 1s);
            lan.plug_all();
            lan.run_for(10s);
            lan.isolate(cut);
            lan.run_for(10s + phase);
            ASSERT_EQ(lan.owners().size(), 2U);
            lan.join(cut);
            EXPECT_LT(lan.time_until([&] { return lan.owned_by(0); }, 2s), 1s + 10ms) << cut;
            lan.run_for(1ms);
            EXPECT_EQ(lan.client_view(), HomeLan::mac_of(0));
        }
    }
}

TEST(Reconciler, AnAnnouncementThatIsLostIsRepeatedSoon) {
    auto lan = settled(2);
    lan.crash(0);
    int lost = 0;
    lan.lose([&](const Frame& frame) {
        const auto packet = parse_arp(frame.payload);
        const bool is_lost = frame.type == EtherType::kArp && packet &&
                             packet->sender_ip == HomeLan::vip() && lost < 2;
        lost += is_lost ? 1 : 0;
        return is_lost;
    });
    lan.time_until([&] { return lan.owned_by(1); }, 1s);
    const auto known = [&] { return lan.client_view() == HomeLan::mac_of(1); };
    EXPECT_FALSE(known());
    EXPECT_LT(lan.time_until(known, 1s), 40ms);
}

TEST(Reconciler, LossNeverLeavesTheHomeWithoutOwnerForLong) {
    std::mt19937 random(7);
    auto lan = settled(3);
    lan.lose([&](const Frame& f) { return f.type == EtherType::kIpv4 && random() % 5 == 0; });
    for (int i = 0; i < 600; ++i) {
        lan.run_for(100ms);
        EXPECT_FALSE(lan.owners().empty());
    }
    lan.lose({});
    lan.run_for(15s);
    EXPECT_TRUE(lan.owned_by(0));
}

TEST(Reconciler, SuspendedOwnerAnswersNothingWhenItWakes) {
    auto lan = settled(2);
    lan.suspend(0);
    lan.run_for(1s);
    ASSERT_EQ(lan.state(1), ElectionState::kMaster);
    auto& woken = lan.node(0).reconciler;
    woken.on_arp(arp_frame(kBroadcastMac, question()).payload, Delivery::kBroadcast, lan.now());
    EXPECT_TRUE(woken.take_output().frames.empty());
    lan.resume(0);
    EXPECT_EQ(lan.state(0), ElectionState::kBackup);
    lan.run_for(5s);
    EXPECT_TRUE(lan.owned_by(1)) << "back under the preempt delay";
}

TEST(Reconciler, SuspensionWithoutQueuedPacketsIsNoticedByTheTimer) {
    auto lan = settled(1);
    lan.suspend(0);
    lan.run_for(1s);
    lan.resume(0);
    lan.run_for(1ms);
    EXPECT_EQ(lan.state(0), ElectionState::kBackup);
    lan.run_for(400ms);
    EXPECT_TRUE(lan.owned_by(0)) << "nobody else wants it";
}

TEST(Reconciler, CarrierLossGivesUpAndReturnsWithoutProbing) {
    auto lan = settled(2);
    lan.unplug(0);
    EXPECT_EQ(lan.state(0), ElectionState::kInit);
    lan.run_for(1s);
    EXPECT_TRUE(lan.owned_by(1));
    lan.plug(0);
    EXPECT_EQ(lan.state(0), ElectionState::kBackup);
    lan.run_for(5s);
    EXPECT_TRUE(lan.owned_by(1));
}

TEST(Reconciler, ForeignHolderIsReportedAndNotRobbed) {
    HomeLan lan(2);
    lan.plug_all();
    lan.run_for(1ms);
    lan.inject_arp({ArpOperation::kReply, kStranger, HomeLan::vip(), HomeLan::mac_of(0), {}});
    lan.run_for(5s);
    EXPECT_TRUE(lan.owners().empty());
    ASSERT_EQ(lan.node(0).conflicts.size(), 1U);
    EXPECT_EQ(lan.node(0).conflicts[0].holder, kStranger);
    EXPECT_EQ(lan.node(0).conflicts[0].vip.name, "dns");
    lan.run_for(10s);
    EXPECT_TRUE(lan.owned_by(0)) << "the stranger has gone";
}

TEST(Reconciler, ConflictWhileOwningIsDefendedAtMostEveryTenSeconds) {
    auto lan = settled(2);
    lan.run_for(3s);
    const auto before = lan.gratuitous_seen;
    for (int i = 0; i < 50; ++i) {
        lan.inject_arp({ArpOperation::kRequest, kStranger, HomeLan::vip(), {}, HomeLan::vip()});
        lan.run_for(100ms);
    }
    EXPECT_EQ(lan.gratuitous_seen - before, 8U) << "one defence: four announcements of two frames";
    EXPECT_EQ(lan.node(0).conflicts.size(), 1U);
    EXPECT_EQ(lan.node(1).conflicts.size(), 1U) << "a backup reports too";
    EXPECT_TRUE(lan.owned_by(0));
}

TEST(Reconciler, AnnouncementsOfAPeerAreNoConflict) {
    auto lan = settled(3);
    lan.crash(0);
    lan.run_for(5s);
    lan.restart(0);
    lan.run_for(30s);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(lan.node(i).conflicts.empty()) << i;
}

TEST(Reconciler, OtherRoutersAreUndisturbedByAReload) {
    auto lan = settled(2);
    auto& r = lan.node(0).reconciler;
    auto second = lan.settings(0);
    second.vrid = 100;
    second.vips = {{"proxy", IpAddress::v4(10, 0, 0, 100)}};
    r.configure({lan.settings(0), second}, lan.now());
    EXPECT_TRUE(lan.owned_by(0));
    EXPECT_EQ(r.view(lan.now())[1].state, ElectionState::kProbing);
    r.configure({lan.settings(0)}, lan.now());
    EXPECT_EQ(r.view(lan.now()).size(), 1U);
    EXPECT_EQ(lan.node(0).transitions.size(), 3U) << "probing, backup, master at start";
}

TEST(Reconciler, RemovedVipHandsOverBeforeItDisappears) {
    auto lan = settled(2);
    lan.change(0, [&](Reconciler& r) { r.configure({}, lan.now()); });
    EXPECT_EQ(lan.node(0).reconciler.addresses(), std::vector{HomeLan::vip()});
    lan.run_for(50ms);
    EXPECT_TRUE(lan.node(0).reconciler.addresses().empty());
    EXPECT_TRUE(lan.owned_by(1));
}

struct Refusal {
    const char* what;
    std::function<void(AdvertToSend&)> change;
    Drop reason;
};

TEST(Reconciler, AdvertsThatAreNotOfTheGroupAreCounted) {
    const std::vector<IpAddress> two{HomeLan::vip(), IpAddress::v4(10, 0, 0, 54)};
    const Refusal refusals[] = {
        {"vrid", [](auto& a) { a.vrid = 54; }, Drop::kUnknownVrid},
        {"peer", [](auto& a) { a.source = IpAddress::v4(10, 0, 0, 77); }, Drop::kUnknownPeer},
        {"own", [](auto& a) { a.source = HomeLan::address_of(1); }, Drop::kOwnPacket},
        {"destination", [](auto& a) { a.destination = HomeLan::vip(); }, Drop::kNotForUs},
        {"set", [&](auto& a) { a.addresses = two; }, Drop::kWrongAddressSet},
    };
    auto lan = settled(2);
    auto& r = lan.node(1).reconciler;
    const std::vector<IpAddress> vips{HomeLan::vip()};
    for (const auto& refusal : refusals) {
        AdvertToSend advert{HomeLan::address_of(0), HomeLan::address_of(1), 53, 255, 100ms, vips};
        refusal.change(advert);
        const auto before = r.drops().of(refusal.reason);
        r.on_vrrp(write_advert(advert), kStranger, lan.now());
        EXPECT_EQ(r.drops().of(refusal.reason), before + 1) << refusal.what;
    }
    EXPECT_TRUE(lan.owned_by(0));
}

TEST(Reconciler, MulticastWhereForeignPeersAreNamed) {
    HomeLan lan(1);
    auto settings = lan.settings(0);
    settings.foreign_peers = {IpAddress::v4(10, 0, 0, 1)};
    auto& r = lan.node(0).reconciler;
    r.configure({settings}, lan.now());
    std::vector<Frame> adverts;
    lan.lose([&](const Frame& f) {
        if (f.type == EtherType::kIpv4) adverts.push_back(f);
        return false;
    });
    lan.plug(0);
    lan.run_for(1500ms);
    ASSERT_FALSE(adverts.empty());
    EXPECT_EQ(adverts[0].destination.to_string(), "01:00:5e:00:00:12");
    const auto advert = parse_advert(adverts[0].payload);
    ASSERT_TRUE(advert);
    EXPECT_EQ(advert->destination, vrrp_group());
}

}  // namespace
}  // namespace hearth::lb
