#include "proxy/model/stream_record.h"

namespace hearth::proxy {

std::string_view to_string(StreamClose close) noexcept {
    switch (close) {
        case StreamClose::kClosed: return "closed";
        case StreamClose::kIdle: return "idle";
        case StreamClose::kMoved: return "moved";
        case StreamClose::kStopped: return "stopped";
        case StreamClose::kFailed: return "failed";
    }
    return "unknown";
}

std::string_view to_string(StreamKind kind) noexcept {
    switch (kind) {
        case StreamKind::kNone: return "none";
        case StreamKind::kTls: return "tls";
        case StreamKind::kTcp: return "tcp";
        case StreamKind::kUdp: return "udp";
    }
    return "unknown";
}

}  // namespace hearth::proxy
