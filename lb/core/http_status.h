#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace hearth::lb {

// "HTTP/1.1 200"
inline constexpr std::size_t kStatusLineOctets = 12;

// The status of an answer that begins with `head` (RFC 9112 §4).
[[nodiscard]] inline std::optional<int> http_status(std::string_view head) noexcept {
    constexpr std::string_view kVersion = "HTTP/1.";
    if (head.size() < kStatusLineOctets || !head.starts_with(kVersion) || head[8] != ' ')
        return std::nullopt;
    int status = 0;
    for (const char c : head.substr(9, 3)) {
        if (c < '0' || c > '9') return std::nullopt;
        status = status * 10 + (c - '0');
    }
    return status;
}

}  // namespace hearth::lb
