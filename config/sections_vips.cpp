#include "config/codec.h"
#include "config/sections.h"
#include "config/sections_pools.h"
#include "config/sections_track.h"

// Virtual addresses.
namespace hearth::config {
namespace {

using namespace std::chrono_literals;

// Advert intervals are counted in hundredths of a second on the wire (RFC 9568 §5.2.7).
bool finish_vip(const Value& value, Span key_span, void* target, ReadContext& context) {
    auto& vip = *static_cast<Vip*>(target);
    if (!finish_vip_address(value, key_span, vip, context)) return false;
    if (value.find("spread") == nullptr) vip.spread = vip.request && vip.prefer.empty();
    if (vip.advert_interval.count() % 10 == 0) return true;
    context.diagnostics.error(value.find("advert_interval")->value.span,
                              "advert_interval counts in steps of 10ms");
    return false;
}

}  // namespace

const Section<Vip>& vip_section() {
    static const Section<Vip> table{{
        "vips.NAME",
        "A virtual address that one node at a time answers for (VRRPv3, RFC 9568). An address "
        "alone is enough.",
        "address",
        {
            vip_address_field(),
            vip_pool_field(),
            field("prefer", &Vip::prefer, list_of(node_name(), kNotEmpty),
                  "Candidate nodes, best first.", "[pi4-1, pi4-2]", Presence::kOptional,
                  "(every node, in the document's order)"),
            field("spread", &Vip::spread, boolean(),
                  "Takes the candidates in an order that differs from VIP to VIP, so that not all "
                  "VIPs are at one node.",
                  "true", Presence::kOptional, "(true with an automatic address and no prefer)"),
            field("vrid", &Vip::vrid, integer<std::uint8_t>(1, 255),
                  "Virtual router number, unique on the network segment. VIPs that name the same "
                  "one move together.",
                  "53", Presence::kOptional, "(the last octet of the first address)"),
            field("vrrp_version", &Vip::vrrp_version,
                  one_of<VrrpVersion>({{"3", VrrpVersion::kV3}, {"2", VrrpVersion::kV2}}),
                  "Version 2 (RFC 3768) is for old routers among foreign_peers; it counts in "
                  "seconds.",
                  "3"),
            field("advert_interval", &Vip::advert_interval,
                  duration<std::chrono::milliseconds>(10ms, 40'950ms),
                  "How often the owner says that it lives; others take over after about three of "
                  "these.",
                  "100ms"),
            field("preempt", &Vip::preempt, boolean(),
                  "Whether a better node takes the address back from one that does well.", "true"),
            field(
                "preempt_delay", &Vip::preempt_delay, duration<std::chrono::milliseconds>(0ms, 24h),
                "How long a better node must be healthy before it takes the address back.", "10s"),
            field(
                "announce", &Vip::announce,
                one_of<Announce>(
                    {{"replies", Announce::kReplies}, {"address", Announce::kAddress}}),
                "How the owner makes itself found: it answers ARP and neighbour solicitations, or "
                "has the address on its LAN interface as well, which Wi-Fi chips need that answer "
                "by themselves.",
                "replies"),
            field("refresh", &Vip::refresh, duration<std::chrono::seconds>(0s, 24h),
                  "How often the owner announces the address again, for switches that forget; 0s: "
                  "only when it takes over.",
                  "120s"),
            field("sync_group", &Vip::sync_group, host_label(),
                  "VIPs that name the same one move together, each with its own vrid.", "front",
                  Presence::kOptional, "(moves alone)"),
            field("track", &Vip::track, list_of(section(track_section())),
                  "What a node needs besides working daemons to be preferred.",
                  "[{interface: wan0, lower_by: 20}]"),
            field("foreign_peers", &Vip::foreign_peers, list_of(address()),
                  "Routers that take part without running Hearth (keepalived, for one).",
                  "[10.0.0.2]"),
            field("foreign_adverts", &Vip::foreign_adverts,
                  one_of<Adverts>(
                      {{"multicast", Adverts::kMulticast}, {"unicast", Adverts::kUnicast}}),
                  "How adverts reach foreign_peers, and the nodes with them: as those expect it. "
                  "A keepalived with unicast_peer hears no multicast.",
                  "unicast"),
        },
        finish_vip,
    }};
    return table;
}

}  // namespace hearth::config
