#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

// An EUI-48 hardware address, in transmission order.
struct MacAddress {
    std::array<std::uint8_t, 6> octets{};

    // "aa:bb:cc:dd:ee:ff" or with '-', either case.
    [[nodiscard]] static std::optional<MacAddress> parse(std::string_view text) noexcept;
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] bool is_zero() const noexcept { return *this == MacAddress{}; }
    [[nodiscard]] bool is_group() const noexcept { return (octets[0] & 1) != 0; }

    friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

}  // namespace hearth
