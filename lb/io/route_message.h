#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip.h"
#include "base/mac.h"
#include "base/time.h"

struct nlmsghdr;

// Interfaces, addresses and neighbours as rtnetlink tells of them: messages whose lengths are right in the
// header (mnl_nlmsg_ok) and nowhere else.
namespace hearth::lb {

// Marks the VIPs that are ours. IPv6 addresses have no label, but say what made them (since Linux
// 5.18).
inline constexpr const char* kVipLabel = "lo:hearth";
inline constexpr std::uint8_t kVipProtocol = 112;
inline constexpr std::uint16_t kAddressProtocol = 11;  // IFA_PROTO, which older headers lack

struct Interface {
    int index = 0;
    std::string name;
    MacAddress mac;
    enum class Carrier : std::uint8_t { kAbsent, kPresent } carrier = Carrier::kAbsent;
    // Plain Ethernet-like, and not the slave of a bridge or bond: able to speak ARP itself.
    enum class Arp : std::uint8_t { kUnable, kAble } arp = Arp::kUnable;
    // kQuiet: arp_ignore=1 and arp_announce=2, see RouteNetlink::keep_vips_quiet().
    enum class Vips : std::uint8_t { kSpokenFor, kQuiet } vips = Vips::kSpokenFor;
    enum class Transit : std::uint8_t { kRefused, kForwarded } transit = Transit::kRefused;
};

struct InterfaceAddress {
    int interface = 0;
    IpAddress address;
    int prefix_length = 32;
    enum class Owner : std::uint8_t { kOthers, kHearth } owner = Owner::kOthers;
};

// A neighbour that the kernel has asked for its hardware address, which has not answered yet.
struct UnansweredNeighbour {
    int interface = 0;
    IpAddress address;
    Duration age{};  // since the first question, in ticks of 10 ms
};

[[nodiscard]] std::optional<Interface> parse_link(const nlmsghdr* message);
// None for an IPv6 address that is not proven unique yet (RFC 4862 §5.4), or proven not to be.
[[nodiscard]] std::optional<InterfaceAddress> parse_address(const nlmsghdr* message);
// None for one in any other state.
[[nodiscard]] std::optional<UnansweredNeighbour> parse_neighbour(const nlmsghdr* message);

}  // namespace hearth::lb
