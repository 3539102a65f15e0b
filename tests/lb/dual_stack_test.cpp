// A virtual router with VIPs of both families: two on the wire, one in its decisions.

#include <gtest/gtest.h>

#include <algorithm>

#include "lb/core/arp_codec.h"
#include "lb/core/ndp_codec.h"
#include "lb/core/reconciler.h"
#include "lb/core/vrrp_codec.h"

namespace hearth::lb {
namespace {

const IpAddress kVip4 = IpAddress::v4(10, 0, 0, 53);
const IpAddress kVip6 = *IpAddress::parse("fd00::53");
const IpAddress kOwn = IpAddress::v4(10, 0, 0, 12);
const IpAddress kPeer = IpAddress::v4(10, 0, 0, 11);
const IpAddress kOwnLink = *IpAddress::parse("fe80::12");
const IpAddress kPeerLink = *IpAddress::parse("fe80::11");
constexpr MacAddress kOwnMac{{2, 0, 0, 0, 0, 12}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 11}};
constexpr MacAddress kStranger{{2, 0, 0, 0, 0, 99}};

class DualStack : public ::testing::Test {
protected:
    DualStack() {
        router_.vrid = 53;
        router_.vips = {{"dns", kVip4}, {"dns", kVip6}};
        router_.priority = 190;
        router_.nodes = {kPeer};
        reconciler_.configure({router_}, now_);
    }

    void plug(std::optional<IpAddress> link_local = kOwnLink) {
        reconciler_.set_lan({kOwn, kOwnMac, LanState::Link::kUp, link_local}, now_);
    }
    void run(Duration time) {
        for (const TimePoint end = now_ + time; now_ < end; now_ += 10ms)
            reconciler_.on_timer(now_);
    }
    void become_master() {
        plug();
        run(2s);
        (void)reconciler_.take_output();
        ASSERT_EQ(state(), ElectionState::kMaster);
    }
    void meet_peer() {
        reconciler_.on_arp(
            arp_answer(kPeerMac, {ArpOperation::kRequest, kOwnMac, kOwn, {}, kPeer}).payload,
            Delivery::kToUs, now_);
    }
    void hear_advert6(Priority priority, IpAddress source = kPeerLink, MacAddress from = kPeerMac) {
        const std::vector<IpAddress> vips{kVip6};
        reconciler_.on_vrrp(
            write_advert({source, vrrp_group(IpFamily::kV6), 53, priority, 100ms, vips}), from,
            now_);
    }
    [[nodiscard]] ElectionState state() const { return reconciler_.view(now_).at(0).state; }
    [[nodiscard]] std::vector<Frame> frames() { return reconciler_.take_output().frames; }

    TimePoint now_{1h};
    VirtualRouter router_;
    Reconciler reconciler_;
};

TEST_F(DualStack, AdvertisesInBothFamiliesToTheNodeAlone) {
    become_master();
    meet_peer();
    run(100ms);
    std::vector<Advert> adverts;
    const auto sent = frames();
    for (const auto& frame : sent) {
        const auto advert = parse_advert(frame.payload);
        if (!advert) continue;
        adverts.push_back(*advert);
        EXPECT_EQ(frame.destination, kPeerMac);
    }
    ASSERT_EQ(adverts.size(), 2U);
    EXPECT_EQ(adverts[0].source, kOwn);
    EXPECT_EQ(adverts[0].destination, kPeer);
    EXPECT_EQ(adverts[1].source, kOwnLink);
    EXPECT_EQ(adverts[1].destination, vrrp_group(IpFamily::kV6));
    EXPECT_TRUE(same_addresses(adverts[1], std::vector{kVip6}));
}

TEST_F(DualStack, ProbesForBothAndAnnouncesBoth) {
    plug();
    auto sent = frames();
    EXPECT_EQ(std::ranges::count(sent, EtherType::kArp, &Frame::type), 1);
    EXPECT_EQ(std::ranges::count(sent, EtherType::kIpv6, &Frame::type), 1);
    EXPECT_TRUE(parse_ndp(sent[1].payload)->is_probe());
    run(2s);
    EXPECT_EQ(reconciler_.arp_counters().gratuitous, 4U);
    EXPECT_EQ(reconciler_.ndp_counters().gratuitous, 2U);
}

TEST_F(DualStack, NodesAreKnownByTheirEthernetAddressOverIpv6) {
    become_master();
    hear_advert6(200);
    EXPECT_EQ(reconciler_.drops().of(Drop::kUnknownPeer), 1U);
    EXPECT_EQ(state(), ElectionState::kMaster);
    meet_peer();
    hear_advert6(200);
    EXPECT_EQ(state(), ElectionState::kBackup);
    EXPECT_EQ(reconciler_.view(now_)[0].master, kPeer);
}

// The addresses of the document decide between equal priorities, for both families alike.
TEST_F(DualStack, EqualPrioritiesAreDecidedOnce) {
    become_master();
    meet_peer();
    hear_advert6(190, *IpAddress::parse("fe80::ffff"));
    EXPECT_EQ(state(), ElectionState::kMaster);
}

TEST_F(DualStack, OneFamilyAloneKeepsTheOwnerAlive) {
    plug();
    meet_peer();
    hear_advert6(200);
    for (int i = 0; i < 20; ++i) {
        run(100ms);
        hear_advert6(200);
    }
    EXPECT_EQ(state(), ElectionState::kBackup);
}

TEST_F(DualStack, WithoutALinkLocalAddressItOwnsNeither) {
    plug(std::nullopt);
    run(2s);
    EXPECT_EQ(state(), ElectionState::kInit);
    plug();
    run(2s);
    EXPECT_EQ(state(), ElectionState::kMaster);
    plug(std::nullopt);
    EXPECT_EQ(state(), ElectionState::kInit);
}

TEST_F(DualStack, WhoeverProbesTooIsAConflictWhileWeProbe) {
    plug();
    reconciler_.on_ndp(ndp_probe(kVip6).payload, kStranger, Delivery::kMulticast, now_);
    run(2s);
    EXPECT_EQ(state(), ElectionState::kProbing);
    EXPECT_EQ(reconciler_.view(now_)[0].holders[1], kStranger);
}

TEST_F(DualStack, AProbeOfTheOwnersAddressIsAnsweredToAll) {
    become_master();
    reconciler_.on_ndp(ndp_probe(kVip6).payload, kStranger, Delivery::kMulticast, now_);
    const auto sent = frames();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(parse_ndp(sent[0].payload)->flags, kNdpOverride);
    EXPECT_FALSE(reconciler_.view(now_)[0].holders[1]);
}

TEST_F(DualStack, AStrangersAdvertisementIsAnsweredByADefence) {
    become_master();
    const Frame forged = unsolicited_advertisement(kStranger, kVip6);
    reconciler_.on_ndp(forged.payload, kStranger, Delivery::kMulticast, now_);
    EXPECT_EQ(frames().size(), 3U);  // both addresses are announced
    reconciler_.on_ndp(forged.payload, kStranger, Delivery::kMulticast, now_ + 1s);
    EXPECT_TRUE(frames().empty());  // once in 10 s
    EXPECT_EQ(state(), ElectionState::kMaster);
}

// Two VRIDs that move together: adverts for both, and each of them counts.
TEST_F(DualStack, ASyncGroupIsOneDecision) {
    router_.vips = {{"dns", kVip4, 53}, {"proxy", IpAddress::v4(10, 0, 0, 100), 100}};
    reconciler_.configure({router_}, now_);
    plug();
    meet_peer();
    run(2s);
    std::vector<Vrid> vrids;
    for (const auto& frame : frames()) {
        const auto advert = parse_advert(frame.payload);
        if (advert && std::ranges::find(vrids, advert->vrid) == vrids.end())
            vrids.push_back(advert->vrid);
    }
    EXPECT_EQ(vrids, (std::vector<Vrid>{53, 100}));
    const std::vector<IpAddress> proxy{IpAddress::v4(10, 0, 0, 100)};
    reconciler_.on_vrrp(write_advert({kPeer, kOwn, 100, 200, 100ms, proxy}), kPeerMac, now_);
    EXPECT_EQ(state(), ElectionState::kBackup);
    EXPECT_EQ(reconciler_.view(now_).size(), 1U);
}

TEST_F(DualStack, WhatIsTrackedCountsOnceAndAddsUp) {
    router_.tracks = {{"interface wan0", 20}, {"interface wan1", 5}};
    reconciler_.set_track("interface wan0", Health::kBad, now_);
    reconciler_.configure({router_}, now_);
    EXPECT_EQ(reconciler_.view(now_)[0].priority, 170);
    reconciler_.set_track("interface wan1", Health::kBad, now_);
    reconciler_.set_track("interface wan1", Health::kBad, now_);
    EXPECT_EQ(reconciler_.view(now_)[0].priority, 165);
    reconciler_.set_track("interface wan0", Health::kGood, now_);
    EXPECT_EQ(reconciler_.view(now_)[0].priority, 185);
}

// RFC 3768 §7.1: version and interval are the same everywhere.
TEST_F(DualStack, OfVersion2OnlyTheOwnIntervalIsHeard) {
    router_.vips = {{"dns", kVip4}};
    router_.version = VrrpVersion::kV2;
    router_.interval = 1s;
    router_.foreign_peers = {kPeer};
    reconciler_.configure({router_}, now_);
    plug();
    const std::vector<IpAddress> vips{kVip4};
    const auto hear = [&](VrrpVersion version, Duration interval) {
        reconciler_.on_vrrp(write_advert({kPeer, vrrp_group(), 53, 200, interval, vips, version}),
                            kPeerMac, now_);
    };
    hear(VrrpVersion::kV3, 1s);
    EXPECT_EQ(reconciler_.drops().of(Drop::kBadVersion), 1U);
    hear(VrrpVersion::kV2, 2s);
    EXPECT_EQ(reconciler_.drops().of(Drop::kBadInterval), 1U);
    EXPECT_EQ(state(), ElectionState::kProbing);
    hear(VrrpVersion::kV2, 1s);
    EXPECT_EQ(state(), ElectionState::kBackup);
}

}  // namespace
}  // namespace hearth::lb
