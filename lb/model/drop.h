#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hearth::lb {

// Why a packet from the LAN was not acted upon. Dropping is normal and costs nothing but a
// counter: anybody on the LAN can send these.
enum class Drop : std::uint8_t {
    kTruncated,        // shorter than its own header says
    kNotVrrp,          // another protocol, or a fragment
    kBadChecksum,      // IP's or VRRP's
    kBadTtl,           // not 255: it crossed a router (RFC 9568 §7.1, RFC 4861 §7.1)
    kBadVersion,       // not type 1 of the VRRP version in use
    kTrailingBytes,    // longer than its address count says
    kBadInterval,      // an advertisement interval of 0
    kPassword,         // VRRPv2 with authentication, which RFC 3768 took out of it
    kUnknownVrid,      // of a virtual router that is not ours
    kUnknownPeer,      // from an address the document does not name
    kOwnPacket,        // our own, come back
    kWrongAddressSet,  // its VIPs are not the document's
    kBadArp,           // not Ethernet/IPv4 ARP
    kBadNdp,           // not a neighbour solicitation or advertisement as RFC 4861 §7.1 has it
    kNotForUs,         // ARP or NDP about other addresses, or a frame to another host
    kNotOwner,         // a question that the owner answers
    kNoLan,            // the interface is down or has lost its address
};
inline constexpr std::size_t kDropReasons = 17;

[[nodiscard]] std::string_view to_string(Drop reason) noexcept;

class DropCounters {
public:
    void add(Drop reason) noexcept { ++counts_[static_cast<std::size_t>(reason)]; }
    [[nodiscard]] std::uint64_t of(Drop reason) const noexcept {
        return counts_[static_cast<std::size_t>(reason)];
    }

    DropCounters& operator+=(const DropCounters& other) noexcept {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        return *this;
    }

private:
    std::array<std::uint64_t, kDropReasons> counts_{};
};

}  // namespace hearth::lb
