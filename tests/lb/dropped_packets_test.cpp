// What anybody on the LAN may send costs a counter, and no memory.

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <new>

#include "lb/core/arp_codec.h"
#include "lb/core/vrrp_codec.h"
#include "tests/lb/home_lan.h"

namespace {
thread_local std::size_t allocations = 0;
}

// Not inlined: what came from here would look like malloc's where it is given back. All forms are
// replaced together: AddressSanitizer wants back what it gave by the call that belongs to it.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* memory = operator new(size, std::nothrow)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace hearth::lb {
namespace {

using test::HomeLan;

constexpr MacAddress kStranger{{0xde, 0xad, 0, 0, 0, 1}};
const IpAddress kStrangerIp = IpAddress::v4(10, 0, 0, 99);

// Malformed in one octet each, and well-formed ones that are not ours.
std::vector<std::vector<std::uint8_t>> hostile_packets() {
    const std::array vips{HomeLan::vip()};
    const std::array others{IpAddress::v4(10, 0, 0, 54)};
    const AdvertToSend stranger{kStrangerIp, HomeLan::address_of(0), 53, 255, 100ms, vips};
    auto other_set = stranger;
    other_set.source = HomeLan::address_of(1);
    other_set.addresses = others;
    auto unknown_router = stranger;
    unknown_router.vrid = 99;
    std::vector<std::vector<std::uint8_t>> packets;
    for (const auto& advert : {stranger, other_set, unknown_router})
        packets.push_back(write_advert(advert));
    const auto good = packets.front();
    for (std::size_t i = 0; i < good.size(); ++i) {
        packets.push_back(good);
        packets.back()[i] ^= 0xff;
        packets.emplace_back(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return packets;
}

TEST(DroppedPackets, AreCountedAndTakeNoMemory) {
    HomeLan lan(2);
    lan.plug_all();
    lan.run_for(5s);
    Reconciler& owner = lan.node(0).reconciler;
    const auto adverts = hostile_packets();
    const ArpPacket about_others{ArpOperation::kRequest, kStranger, kStrangerIp, MacAddress{},
                                 IpAddress::v4(10, 0, 0, 7)};
    const auto arp = arp_frame(kBroadcastMac, about_others).payload;
    auto junk = arp;
    junk[0] ^= 0xff;
    const TimePoint now = lan.now();
    const std::size_t before = allocations;
    for (int round = 0; round < 100; ++round) {
        for (const auto& packet : adverts) owner.on_vrrp(packet, kStranger, now);
        for (const Delivery delivery : {Delivery::kBroadcast, Delivery::kOtherHost}) {
            owner.on_arp(arp, delivery, now);
            owner.on_arp(junk, delivery, now);
            for (const auto& packet : adverts) owner.on_ndp(packet, kStranger, delivery, now);
        }
    }
    EXPECT_EQ(allocations - before, 0U);
    for (const Drop reason :
         {Drop::kTruncated, Drop::kBadChecksum, Drop::kNotVrrp, Drop::kUnknownPeer,
          Drop::kUnknownVrid, Drop::kBadArp, Drop::kNotForUs})
        EXPECT_GE(owner.drops().of(reason), 100U) << to_string(reason);
    EXPECT_TRUE(owner.take_output().frames.empty());
    EXPECT_TRUE(lan.owned_by(0));
}

}  // namespace
}  // namespace hearth::lb
