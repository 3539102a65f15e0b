#pragma once

#include <optional>
#include <span>
#include <vector>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/ip.h"
#include "lb/model/drop.h"
#include "lb/model/vrrp.h"

// VRRPv3 advertisements inside IPv4 or IPv6 (RFC 9568 §5.2), VRRPv2's inside IPv4 (RFC 3768 §5.1):
//
//   IP header, TTL or hop limit 255, protocol 112
//   | version, type 1 | VRID | priority | count |
//   | reserved 4, interval 12 (centiseconds) | checksum |     version 3
//   | authentication 8, interval 8 (seconds) | checksum |     version 2
//   | IP address | × count
//   | zero 64 |                                               version 2
namespace hearth::lb {

// `packet` begins at the IP header; Ethernet padding behind it is cut off. Accepts VRRPv3's
// checksum for IPv4 with or without the pseudo-header: implementations differ.
[[nodiscard]] tl::expected<Advert, Drop> parse_advert(ByteView packet) noexcept;

// Who is said to have sent a packet, whatever is wrong with the rest of it.
[[nodiscard]] std::optional<IpAddress> source_of(ByteView packet) noexcept;

// True when the packet's addresses are `expected` in any order. `expected` is without repetition.
[[nodiscard]] bool same_addresses(const Advert& advert,
                                  std::span<const IpAddress> expected) noexcept;

struct AdvertToSend {
    IpAddress source;
    IpAddress destination;  // the group, or a peer
    Vrid vrid = 0;
    Priority priority = 0;
    Duration interval{};  // rounded down to what the version counts in, at least one of it
    std::span<const IpAddress> addresses;  // of the family of `source`
    VrrpVersion version = VrrpVersion::kV3;
};

// The whole IP packet. VRRPv3's checksum covers the pseudo-header, as keepalived demands.
[[nodiscard]] std::vector<std::uint8_t> write_advert(const AdvertToSend& advert);

}  // namespace hearth::lb
