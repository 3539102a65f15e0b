#pragma once

#include <cstdint>
#include <optional>

#include "base/ip.h"
#include "base/mac.h"

namespace hearth::lb {

inline constexpr std::uint8_t kIcmp6Protocol = 58;

// Neighbour discovery for IPv6 (RFC 4861 §4.3, §4.4), as far as addresses are asked and told.
enum class NdpKind : std::uint8_t { kSolicitation = 135, kAdvertisement = 136 };

// The flags of an advertisement. R is never set: nobody has a VIP as its router.
inline constexpr std::uint8_t kNdpSolicited = 0x40;
inline constexpr std::uint8_t kNdpOverride = 0x20;

struct NdpPacket {
    NdpKind kind = NdpKind::kSolicitation;
    IpAddress source;  // "::" in duplicate address detection
    IpAddress destination;
    IpAddress target;
    std::uint8_t flags = 0;
    // The option of a solicitation's source, or of an advertisement's target.
    std::optional<MacAddress> link_address;

    // Asks who holds `target` without claiming it (RFC 4862 §5.4.2).
    [[nodiscard]] bool is_probe() const noexcept {
        return kind == NdpKind::kSolicitation && source.is_unspecified();
    }
    friend bool operator==(const NdpPacket&, const NdpPacket&) = default;
};

}  // namespace hearth::lb
