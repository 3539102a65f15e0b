#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/model/hop_error.h"
#include "proxy/model/stream_route.h"

namespace hearth::proxy {

// Why a stream ended.
enum class StreamClose : std::uint8_t {
    kClosed,   // by both sides
    kIdle,     // nothing moved for as long as it may
    kMoved,    // a client of UDP, whose upstream is gone or down: its next datagram begins another
    kStopped,  // the proxy stops
    kFailed,   // `reason` says why
};

[[nodiscard]] std::string_view to_string(StreamClose close) noexcept;
[[nodiscard]] std::string_view to_string(StreamKind kind) noexcept;

// One connection, or client of UDP, that was passed on, as the access log tells it.
struct StreamRecord {
    StreamKind kind = StreamKind::kTcp;
    Endpoint client;
    std::string_view service;  // lives as long as the snapshot that the stream holds
    Endpoint upstream;         // port 0: none was asked
    std::uint64_t from_client = 0;
    std::uint64_t to_client = 0;
    Duration duration{};
    StreamClose close = StreamClose::kStopped;
    HopReason reason = HopReason::kNone;

    [[nodiscard]] std::string upstream_text() const {
        return upstream.port != 0 ? upstream.to_string() : std::string{};
    }
};

}  // namespace hearth::proxy
