#pragma once

#include "proxy/model/message.h"
#include "proxy/model/refusal.h"

namespace hearth::proxy {

// Decide from the header fields how the body ends (RFC 9112 §6), whether the sender keeps
// its connection, and what a request expects; fill those members of the head.
[[nodiscard]] Refusal frame_request(RequestHead& head) noexcept;
[[nodiscard]] Refusal frame_response(ResponseHead& head, Method request_method) noexcept;

// True when the comma-separated list holds `token`, ignoring case.
[[nodiscard]] bool list_has(std::string_view list, std::string_view token) noexcept;

}  // namespace hearth::proxy
