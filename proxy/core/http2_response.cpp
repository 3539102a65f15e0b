#include "proxy/core/http2_response.h"

#include <algorithm>

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kStatusAt = sizeof("HTTP/1.1 ") - 1;

// What HTTP/2 does not have (RFC 9113 §8.2.2), and the proof that belongs to a key we made up.
bool is_dropped(std::string_view name) noexcept {
    return name == "connection" || name == "upgrade" || name == "transfer-encoding" ||
           name == "keep-alive" || name == "proxy-connection" || name == "sec-websocket-accept";
}

}  // namespace

void Http2Fields::split_head(std::span<char> head) noexcept {
    const std::string_view text(head.data(), head.size());
    std::string_view status = text.substr(kStatusAt, 3);
    if (status == "101") status = "200";
    status_ = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
    size_ = 0;
    fields_[size_++] = {":status", status};
    split_lines(head.subspan(text.find('\n') + 1));
}

void Http2Fields::split_trailers(std::span<char> lines) noexcept {
    status_ = 0;
    size_ = 0;
    split_lines(lines);
}

void Http2Fields::split_lines(std::span<char> lines) noexcept {
    const std::string_view text(lines.data(), lines.size());
    std::size_t at = 0;
    while (at < text.size() && size_ < fields_.size()) {
        const std::size_t end = text.find('\r', at);
        const std::size_t colon = text.find(':', at);
        if (end == std::string_view::npos || colon >= end) break;  // the empty line
        std::transform(lines.begin() + static_cast<std::ptrdiff_t>(at),
                       lines.begin() + static_cast<std::ptrdiff_t>(colon),
                       lines.begin() + static_cast<std::ptrdiff_t>(at), to_lower);
        const std::string_view name = text.substr(at, colon - at);
        if (!is_dropped(name)) {
            fields_[size_++] = {name, trimmed(text.substr(colon + 1, end - colon - 1))};
        }
        at = end + 2;
    }
}

}  // namespace hearth::proxy
