// ARP packets from the LAN, through the codec and a router that owns a VIP.

#include <cstdlib>

#include "lb/core/arp_codec.h"
#include "lb/core/reconciler.h"

using namespace hearth;
using namespace hearth::lb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView payload{data, size};
    if (const auto packet = parse_arp(payload)) {
        if (parse_arp(arp_frame(kBroadcastMac, *packet).payload) != *packet) std::abort();
    }
    TimePoint now{1h};
    VirtualRouter router;
    router.vrid = 53;
    router.vips = {{"dns", IpAddress::v4(10, 0, 0, 53)}};
    router.nodes = {IpAddress::v4(10, 0, 0, 12)};
    Reconciler reconciler;
    reconciler.configure({router}, now);
    reconciler.set_lan(
        {IpAddress::v4(10, 0, 0, 11), MacAddress{{2, 0, 0, 0, 0, 11}}, LanState::Link::kUp}, now);
    reconciler.on_arp(payload, Delivery::kBroadcast, now);  // while probing
    for (int i = 0; i < 20; ++i) reconciler.on_timer(now += 100ms);
    (void)reconciler.take_output();
    reconciler.on_arp(payload, Delivery::kBroadcast, now);  // as owner
    // One packet is answered by one answer, or by one defence of two frames.
    if (reconciler.take_output().frames.size() > 2) std::abort();
    reconciler.on_timer(now += 1s);
    return 0;
}
