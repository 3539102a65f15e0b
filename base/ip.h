#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace hearth {

enum class IpFamily : std::uint8_t { kV4 = 4, kV6 = 6 };

// An IPv4 or IPv6 address without a zone. IPv4 occupies the first four octets and
// the rest are zero, so comparison and hashing need no case distinction. An
// IPv4-mapped IPv6 address is folded to IPv4 where it enters (from_v6_bytes).
class IpAddress {
public:
    constexpr IpAddress() noexcept = default;  // 0.0.0.0

    [[nodiscard]] static IpAddress v4(std::uint32_t host_order) noexcept;
    [[nodiscard]] static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                                      std::uint8_t d) noexcept;
    // 4 octets, or 16; anything else is a programming error and yields 0.0.0.0.
    [[nodiscard]] static IpAddress from_bytes(ByteView octets) noexcept;
    // Dotted quad without leading zeros, or RFC 4291 text (RFC 5952 on output).
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text) noexcept;

    [[nodiscard]] IpFamily family() const noexcept { return family_; }
    [[nodiscard]] bool is_v4() const noexcept { return family_ == IpFamily::kV4; }
    [[nodiscard]] bool is_v6() const noexcept { return family_ == IpFamily::kV6; }
    [[nodiscard]] int bit_length() const noexcept { return is_v4() ? 32 : 128; }
    [[nodiscard]] ByteView bytes() const noexcept { return {octets_.data(), is_v4() ? 4U : 16U}; }
    // Host order; only for IPv4.
    [[nodiscard]] std::uint32_t v4_value() const noexcept { return load_be32(octets_.data()); }

    [[nodiscard]] bool is_unspecified() const noexcept;
    [[nodiscard]] bool is_loopback() const noexcept;
    [[nodiscard]] bool is_multicast() const noexcept;
    [[nodiscard]] bool is_link_local() const noexcept;
    // RFC 1918, RFC 4193 (fc00::/7): what a home uses.
    [[nodiscard]] bool is_private() const noexcept;

    [[nodiscard]] std::string to_string() const;
    // "1.0.0.10.in-addr.arpa" / "….ip6.arpa", without the final dot (RFC 1035 §3.5, RFC 3596 §2.5).
    [[nodiscard]] std::string reverse_name() const;

    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

private:
    IpFamily family_ = IpFamily::kV4;
    std::array<std::uint8_t, 16> octets_{};
};

// An address block, kept with its host bits cleared.
class IpPrefix {
public:
    IpPrefix() noexcept = default;  // 0.0.0.0/0
    // `length` is clamped to the family's width.
    IpPrefix(IpAddress address, int length) noexcept;

    // "10.0.0.0/24", or a bare address as a host prefix. Host bits that are set
    // are refused (nullopt): it is nearly always a slip.
    [[nodiscard]] static std::optional<IpPrefix> parse(std::string_view text) noexcept;

    [[nodiscard]] const IpAddress& address() const noexcept { return address_; }
    [[nodiscard]] int length() const noexcept { return length_; }
    [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
    [[nodiscard]] bool overlaps(const IpPrefix& other) const noexcept;
    // The highest address; the directed broadcast for IPv4 prefixes up to /30.
    [[nodiscard]] IpAddress last() const noexcept;
    [[nodiscard]] std::string to_string() const;

    friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;

private:
    IpAddress address_;
    int length_ = 0;
};

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    // "10.0.0.1:53", "[fd00::1]:53"; without a port when `default_port` is not 0.
    [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text,
                                                       std::uint16_t default_port = 0) noexcept;
    [[nodiscard]] std::string to_string() const;

    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// 1..65535 in decimal digits only; nothing else.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;

}  // namespace hearth

template <>
struct std::hash<hearth::IpAddress> {
    std::size_t operator()(const hearth::IpAddress& a) const noexcept {
        const auto b = a.bytes();
        return std::hash<std::string_view>{}(hearth::as_text(b));
    }
};

template <>
struct std::hash<hearth::Endpoint> {
    std::size_t operator()(const hearth::Endpoint& e) const noexcept {
        return std::hash<hearth::IpAddress>{}(e.address) * 31 + e.port;
    }
};
