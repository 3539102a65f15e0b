#pragma once

#include <span>
#include <vector>

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/ip.h"
#include "lb/model/drop.h"
#include "lb/model/vrrp.h"

// VRRPv3 advertisements inside IPv4 (RFC 9568 §5.2):
//
//   IPv4 header, TTL 255, protocol 112
//   | version 3, type 1 | VRID | priority | count |
//   | reserved 4, interval 12 (centiseconds) | checksum |
//   | IPv4 address | × count
namespace hearth::lb {

// `packet` begins at the IPv4 header; Ethernet padding behind it is cut off. Accepts a
// checksum with or without the pseudo-header: implementations differ.
[[nodiscard]] tl::expected<Advert, Drop> parse_advert(ByteView packet) noexcept;

// True when the packet's addresses are `expected` in any order. `expected` is sorted and
// without repetition.
[[nodiscard]] bool same_addresses(const Advert& advert,
                                  std::span<const IpAddress> expected) noexcept;

struct AdvertToSend {
    IpAddress source;
    IpAddress destination;  // the group, or a peer
    Vrid vrid = 0;
    Priority priority = 0;
    Duration interval{};  // rounded down to centiseconds, at least one
    std::span<const IpAddress> addresses;
};

// The whole IPv4 packet. The checksum covers the pseudo-header, as keepalived demands.
[[nodiscard]] std::vector<std::uint8_t> write_advert(const AdvertToSend& advert);

}  // namespace hearth::lb
