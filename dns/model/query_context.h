#pragma once

#include <cstdint>
#include <string_view>

#include "base/ip.h"
#include "base/time.h"

namespace hearth::dns {

enum class Transport : std::uint8_t { kUdp, kTcp };
inline constexpr int kTransportCount = 2;

// Why a question got the answer it got; for the log, the metrics and `hearth why`.
enum class Reason : std::uint8_t {
    kLocal,      // a name of the document
    kSpecial,    // a special-use name (RFC 6761, 6303, 8375) or a canary
    kBlocked,    // a list or a deny rule
    kCached,     // from the cache
    kForwarded,  // an upstream's answer
    kFailed,     // no upstream answered
    kLimited,    // too many questions are being forwarded
    kLoop,       // our own question came back to us
    kRefused,    // not one of our clients
    kMalformed,  // FORMERR, NOTIMP, BADVERS
};
inline constexpr int kReasonCount = 10;

[[nodiscard]] constexpr std::string_view to_string(Transport transport) noexcept {
    return transport == Transport::kUdp ? "udp" : "tcp";
}

[[nodiscard]] constexpr std::string_view to_string(Reason reason) noexcept {
    switch (reason) {
        case Reason::kLocal: return "local";
        case Reason::kSpecial: return "special";
        case Reason::kBlocked: return "blocked";
        case Reason::kCached: return "cached";
        case Reason::kForwarded: return "forwarded";
        case Reason::kFailed: return "failed";
        case Reason::kLimited: return "limited";
        case Reason::kLoop: return "loop";
        case Reason::kRefused: return "refused";
        case Reason::kMalformed: return "malformed";
    }
    return "unknown";
}

// Where an answer goes. The core carries it and never looks inside, except for the
// client's address and the transport.
struct ReplyPath {
    Transport transport = Transport::kUdp;
    Endpoint client;
    IpAddress local;               // the address the question came to, the source of the answer
    std::uint32_t interface = 0;   // index it came by, 0 unknown
    std::uint32_t listener = 0;    // UDP: which of the worker's sockets
    std::uint64_t connection = 0;  // TCP: which connection
};

struct QueryContext {
    ReplyPath path;
    TimePoint now;
    std::int64_t wall_ms = 0;  // since 1970 in UTC; for the query log only
};

}  // namespace hearth::dns
