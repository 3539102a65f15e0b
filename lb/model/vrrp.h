#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/time.h"

// VRRP version 3 for IPv4 (RFC 9568).
namespace hearth::lb {

using Vrid = std::uint8_t;      // 1..255
using Priority = std::uint8_t;  // 0 releases, 255 owns the address as its own; 1..254 back up

inline constexpr std::uint8_t kVrrpProtocol = 112;
inline constexpr Priority kReleasePriority = 0;
inline constexpr Duration kCentisecond = 10ms;
inline constexpr Duration kMaxAdvertInterval = 4095 * kCentisecond;

// 224.0.0.18
[[nodiscard]] inline IpAddress vrrp_group() noexcept { return IpAddress::v4(224, 0, 0, 18); }

// An advertisement as received. `addresses` views the packet it was parsed from.
struct Advert {
    IpAddress source;
    IpAddress destination;
    Vrid vrid = 0;
    Priority priority = 0;
    Duration interval{};
    ByteView addresses;  // 4 octets each, in network order

    [[nodiscard]] std::size_t address_count() const noexcept { return addresses.size() / 4; }
};

}  // namespace hearth::lb
