#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "lb/model/vrrp.h"

namespace hearth::lb {

// The daemons of this node whose health decides whether it should hold a VIP.
enum class Daemon : std::uint8_t { kDns, kProxy };
inline constexpr std::size_t kDaemonCount = 2;

[[nodiscard]] constexpr std::string_view to_string(Daemon daemon) noexcept {
    return daemon == Daemon::kDns ? "hearth-dns" : "hearth-proxy";
}

enum class Health : std::uint8_t { kBad, kGood };

// Priorities of Hearth's nodes: a healthy one is at or above kHealthyFloor, an unhealthy one
// kHealthPenalty below its own healthy value and so below the floor. That band is how a
// node tells the others, within VRRP itself, that it should be relieved.
inline constexpr Priority kTopPriority = 200;
inline constexpr Priority kHealthyFloor = 116;
inline constexpr Priority kHealthPenalty = 100;

// A VIP that people moved to a node is preferred there: above every rank for as long as the node
// holds it, and a little more for the first second, so that the newest wish wins over an older one.
inline constexpr Priority kMovedPriority = 220;
inline constexpr Priority kMovingPriority = 230;

// Whether a node is to hold VIPs at all, as far as a well one is there instead.
enum class Duty : std::uint8_t { kServing, kDrained };

// The `rank`-th of `candidates` in order of preference, 0 being the first.
[[nodiscard]] constexpr Priority priority_of_rank(std::size_t rank,
                                                  std::size_t candidates) noexcept {
    constexpr std::size_t kSpan = kTopPriority - kHealthyFloor;
    const std::size_t step = candidates <= 9 ? 10 : kSpan / (candidates - 1);
    const std::size_t below = rank * step;
    return static_cast<Priority>(kTopPriority - (below < kSpan ? below : kSpan));
}

struct Vip {
    std::string name;
    IpAddress address;
    Vrid vrid = 0;  // 0: that of its virtual router

    friend bool operator==(const Vip&, const Vip&) = default;
};

enum class Preemption : std::uint8_t { kAfterDelay, kNever };

// kAddress: the owner has its VIPs on the LAN's interface, too.
enum class Announce : std::uint8_t { kReplies, kAddress };

// How adverts reach foreign peers.
enum class Adverts : std::uint8_t { kMulticast, kUnicast };

// Something that costs priority while it is not well: an interface, or a script.
struct Track {
    std::string subject;  // "interface wan0", "script /usr/local/bin/check"
    Priority lower_by = kHealthPenalty;

    friend bool operator==(const Track&, const Track&) = default;
};

// One virtual router as this node takes part in it: which VIPs move together, and among whom. With
// VIPs of both families, or of several VRIDs (a sync group), it is several on the wire
// (RFC 9568 §1.5) and one in all decisions.
struct VirtualRouter {
    Vrid vrid = 0;
    VrrpVersion version = VrrpVersion::kV3;  // of adverts for IPv4
    std::vector<Vip> vips;                   // in ascending order of address: IPv4 first
    Priority priority = kHealthyFloor;
    Duration interval = 100ms;
    Preemption preemption = Preemption::kAfterDelay;  // of an owner that does well
    Duration preempt_delay = 10s;
    Announce announce = Announce::kReplies;
    Duration refresh = 120s;               // between announcements; 0: none after the first ones
    std::vector<IpAddress> nodes;          // the other candidates that run Hearth
    std::vector<IpAddress> foreign_peers;  // other routers
    Adverts foreign_adverts = Adverts::kMulticast;
    std::vector<Daemon> watched;  // whose health counts
    std::vector<Track> tracks;

    friend bool operator==(const VirtualRouter&, const VirtualRouter&) = default;
};

}  // namespace hearth::lb
