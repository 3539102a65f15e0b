#pragma once

#include <string>
#include <string_view>

namespace hearth::proxy {

// What Sec-WebSocket-Accept says to a Sec-WebSocket-Key (RFC 6455 §4.2.2): the proof that the
// answer is one to this request.
[[nodiscard]] std::string websocket_accept(std::string_view key);

}  // namespace hearth::proxy
