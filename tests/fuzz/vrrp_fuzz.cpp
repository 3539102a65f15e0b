// VRRP packets from the LAN, through the codec and a whole router that owns and one that backs up.

#include <cstdlib>
#include <vector>

#include "lb/core/reconciler.h"
#include "lb/core/vrrp_codec.h"

namespace {

using namespace hearth;
using namespace hearth::lb;

const IpAddress kOwn = IpAddress::v4(10, 0, 0, 11);
const IpAddress kPeer = IpAddress::v4(10, 0, 0, 12);
constexpr MacAddress kOwnMac{{2, 0, 0, 0, 0, 11}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 12}};

void check_round_trip(const Advert& advert) {
    std::vector<IpAddress> addresses;
    const std::size_t size = advert.address_size();
    for (std::size_t i = 0; i < advert.addresses.size(); i += size) {
        addresses.push_back(IpAddress::from_bytes(advert.addresses.subspan(i, size)));
        if (addresses.back().family() != advert.family()) return;  // IPv4-mapped: never written
    }
    const auto again = write_advert({advert.source, advert.destination, advert.vrid,
                                     advert.priority, advert.interval, addresses, advert.version});
    const auto read = parse_advert(again);
    if (!read || read->priority != advert.priority || read->interval != advert.interval ||
        read->address_count() != advert.address_count())
        std::abort();
}

// Two virtual routers: of both families, and one that speaks version 2 to a router of another make.
Reconciler make_router(TimePoint now) {
    const IpAddress foreign = *IpAddress::parse("fe80::12");
    VirtualRouter router;
    router.vrid = 53;
    router.vips = {{"dns", IpAddress::v4(10, 0, 0, 53)}, {"dns", *IpAddress::parse("fd00::53")}};
    router.nodes = {kPeer};
    router.foreign_peers = {foreign};
    VirtualRouter old = router;
    old.vrid = 54;
    old.version = VrrpVersion::kV2;
    old.interval = 1s;
    old.vips = {{"old", IpAddress::v4(10, 0, 0, 54)}};
    Reconciler reconciler;
    reconciler.configure({router, old}, now);
    reconciler.set_lan({kOwn, kOwnMac, LanState::Link::kUp, *IpAddress::parse("fe80::11")}, now);
    return reconciler;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView packet{data, size};
    if (const auto advert = parse_advert(packet)) check_round_trip(*advert);
    TimePoint now{1h};
    Reconciler reconciler = make_router(now);
    reconciler.on_vrrp(packet, kPeerMac, now);  // while probing
    for (int i = 0; i < 20; ++i) reconciler.on_timer(now += 100ms);
    reconciler.on_vrrp(packet, kPeerMac, now);  // as master, or still as backup
    reconciler.on_timer(now += 100ms);
    (void)reconciler.take_output();
    return 0;
}
