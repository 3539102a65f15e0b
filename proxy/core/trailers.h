#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/model/message.h"

// Fields behind a body (RFC 9110 §6.5).
namespace hearth::proxy {

// Which may pass. Trailers mean nothing to most receivers and some merge them into the headers, so
// only those pass that carry a result which is not known earlier. Receivers of gRPC keep them apart
// and expect whatever the service has to say there.
enum class TrailerRule : std::uint8_t { kResults, kMetadata };

inline constexpr std::size_t kMaxTrailers = 16 * 1024;  // all lines together

[[nodiscard]] bool may_forward_trailer(std::string_view name, TrailerRule rule) noexcept;

// A trailer of HTTP/2 as a line of HTTP/1.1, appended to `lines` when it may pass and there is
// room.
void append_trailer(std::string& lines, std::string_view name, std::string_view value,
                    TrailerRule rule = TrailerRule::kResults);

// "application/grpc", "application/grpc+proto"; grpc-web is HTTP like any other.
[[nodiscard]] bool is_grpc(std::string_view content_type) noexcept;
[[nodiscard]] bool is_grpc(const HeaderTable& headers) noexcept;

}  // namespace hearth::proxy
