#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth::bench {

// As much of HTTP/1.1 as peers of a bench need: messages framed by Content-Length.

// The size of the head with its empty line, or nothing while it is incomplete.
[[nodiscard]] inline std::optional<std::size_t> head_size(std::string_view bytes) noexcept {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    return end + 4;
}

[[nodiscard]] inline std::uint64_t content_length(std::string_view head) noexcept {
    constexpr std::string_view kName = "\ncontent-length:";
    for (std::size_t at = head.find('\n'); at != std::string_view::npos;
         at = head.find('\n', at + 1)) {
        if (head.size() - at < kName.size()) return 0;
        bool same = true;
        for (std::size_t i = 0; i < kName.size() && same; ++i)
            same = (static_cast<unsigned char>(head[at + i]) | 0x20) ==
                   (static_cast<unsigned char>(kName[i]) | 0x20);
        if (!same) continue;
        std::string_view value = head.substr(at + kName.size());
        while (value.starts_with(' ')) value.remove_prefix(1);
        std::uint64_t length = 0;
        std::from_chars(value.data(), value.data() + value.size(), length);
        return length;
    }
    return 0;
}

}  // namespace hearth::bench
