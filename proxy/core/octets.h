#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/ascii.h"

// The character classes of RFC 9110 §5.6 and RFC 3986, as tables.
namespace hearth::proxy {

namespace octet_class {
inline constexpr std::uint8_t kToken = 1;   // tchar
inline constexpr std::uint8_t kValue = 2;   // field-vchar, SP, HTAB: VCHAR and obs-text
inline constexpr std::uint8_t kTarget = 4;  // in a request target
inline constexpr std::uint8_t kHost = 8;    // in a registered name
}  // namespace octet_class

inline constexpr auto kOctetClasses = [] {
    std::array<std::uint8_t, 256> table{};
    const auto mark = [&table](std::string_view chars, std::uint8_t bit) {
        for (const char c : chars) table[static_cast<std::uint8_t>(c)] |= bit;
    };
    constexpr std::string_view kAlnum =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    mark(kAlnum, octet_class::kToken | octet_class::kHost);
    mark("!#$%&'*+-.^_`|~", octet_class::kToken);
    mark("-._", octet_class::kHost);
    for (unsigned c = 0x20; c < 0x100; ++c) {
        if (c != 0x7f) table[c] |= octet_class::kValue;
    }
    mark("\t", octet_class::kValue);
    // Browsers leave | ^ { } \ ` bare in queries; refusing them breaks pages and guards nothing.
    for (unsigned c = 0x21; c < 0x7f; ++c) table[c] |= octet_class::kTarget;
    for (const char c : std::string_view("#<>\"")) {
        table[static_cast<std::uint8_t>(c)] &= static_cast<std::uint8_t>(~octet_class::kTarget);
    }
    return table;
}();

[[nodiscard]] inline bool is_of(char c, std::uint8_t classes) noexcept {
    return (kOctetClasses[static_cast<std::uint8_t>(c)] & classes) != 0;
}

[[nodiscard]] inline bool all_of(std::string_view text, std::uint8_t classes) noexcept {
    for (const char c : text) {
        if (!is_of(c, classes)) return false;
    }
    return true;
}

// Without optional white space (SP and HTAB) at both ends.
[[nodiscard]] inline std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Takes the next non-empty element off a comma-separated list (RFC 9110 §5.6.1); empty at its end.
[[nodiscard]] inline std::string_view take_element(std::string_view& list) noexcept {
    while (!list.empty()) {
        const auto comma = list.find(',');
        const std::string_view element = trimmed(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        if (!element.empty()) return element;
    }
    return {};
}

}  // namespace hearth::proxy
