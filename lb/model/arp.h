#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ip.h"
#include "base/mac.h"

namespace hearth::lb {

// ARP for IPv4 over Ethernet (RFC 826), the only form that is spoken or heard.
enum class ArpOperation : std::uint16_t { kRequest = 1, kReply = 2 };

struct ArpPacket {
    ArpOperation operation = ArpOperation::kRequest;
    MacAddress sender_mac;
    IpAddress sender_ip;
    MacAddress target_mac;
    IpAddress target_ip;

    // Asks who holds target_ip without claiming it (RFC 5227 §1.1).
    [[nodiscard]] bool is_probe() const noexcept {
        return operation == ArpOperation::kRequest && sender_ip.is_unspecified();
    }
    friend bool operator==(const ArpPacket&, const ArpPacket&) = default;
};

inline constexpr std::size_t kArpSize = 28;

}  // namespace hearth::lb
