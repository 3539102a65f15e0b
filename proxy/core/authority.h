#pragma once

#include <cstddef>
#include <string_view>

namespace hearth::proxy {

// "host", "host:port", "1.2.3.4", "[v6]:port": what Host and an absolute-form target may
// hold (RFC 9110 §7.2). No user information, no percent-encoding, no empty host.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

// The host of a valid authority: without port and without the final dot.
[[nodiscard]] std::string_view host_of(std::string_view authority) noexcept;

inline constexpr std::size_t kMaxHost = 255;

}  // namespace hearth::proxy
