#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/time.h"

// VRRP version 3 for IPv4 and IPv6 (RFC 9568), and version 2 for IPv4 (RFC 3768).
namespace hearth::lb {

using Vrid = std::uint8_t;      // 1..255
using Priority = std::uint8_t;  // 0 releases, 255 owns the address as its own; 1..254 back up

inline constexpr std::uint8_t kVrrpProtocol = 112;
inline constexpr Priority kReleasePriority = 0;
inline constexpr Duration kCentisecond = 10ms;
inline constexpr Duration kMaxAdvertInterval = 4095 * kCentisecond;

inline constexpr Duration kMaxAdvertIntervalV2 = 255s;

// 224.0.0.18, ff02::12
[[nodiscard]] IpAddress vrrp_group(IpFamily family = IpFamily::kV4) noexcept;

enum class VrrpVersion : std::uint8_t { kV2 = 2, kV3 = 3 };

// An advertisement as received. `addresses` views the packet it was parsed from.
struct Advert {
    IpAddress source;
    IpAddress destination;
    VrrpVersion version = VrrpVersion::kV3;
    Vrid vrid = 0;
    Priority priority = 0;
    Duration interval{};
    ByteView addresses;  // 4 or 16 octets each, as the packet's family has them

    [[nodiscard]] IpFamily family() const noexcept { return source.family(); }
    [[nodiscard]] std::size_t address_size() const noexcept { return source.bytes().size(); }
    [[nodiscard]] std::size_t address_count() const noexcept {
        return addresses.size() / address_size();
    }
};

}  // namespace hearth::lb
