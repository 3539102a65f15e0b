// Neighbour discovery from the LAN, through the codec and a router that owns a VIP.

#include <cstdlib>

#include "lb/core/ndp_codec.h"
#include "lb/core/reconciler.h"

using namespace hearth;
using namespace hearth::lb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView packet{data, size};
    if (auto read = parse_ndp(packet)) {
        // Reserved bits are not written, and R never.
        read->flags &= kNdpSolicited | kNdpOverride;
        if (parse_ndp(ndp_frame(kBroadcastMac, *read).payload) != *read) std::abort();
    }
    constexpr MacAddress kSender{{2, 0, 0, 0, 0, 99}};
    TimePoint now{1h};
    VirtualRouter router;
    router.vrid = 53;
    router.vips = {{"dns", IpAddress::v4(10, 0, 0, 53)}, {"dns", *IpAddress::parse("fd00::53")}};
    router.nodes = {IpAddress::v4(10, 0, 0, 12)};
    Reconciler reconciler;
    reconciler.configure({router}, now);
    reconciler.set_lan({IpAddress::v4(10, 0, 0, 11), MacAddress{{2, 0, 0, 0, 0, 11}},
                        LanState::Link::kUp, *IpAddress::parse("fe80::11")},
                       now);
    reconciler.on_ndp(packet, kSender, Delivery::kMulticast, now);  // while probing
    for (int i = 0; i < 20; ++i) reconciler.on_timer(now += 100ms);
    (void)reconciler.take_output();
    reconciler.on_ndp(packet, kSender, Delivery::kMulticast, now);  // as owner
    // One packet is answered by one answer and one defence of three frames at most.
    if (reconciler.take_output().frames.size() > 4) std::abort();
    reconciler.on_timer(now += 1s);
    return 0;
}
