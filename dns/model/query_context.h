#pragma once

#include <cstdint>
#include <string_view>

#include "base/ip.h"
#include "base/time.h"

namespace hearth::dns {

enum class Transport : std::uint8_t { kUdp, kTcp, kTls, kHttps };
inline constexpr int kTransportCount = 4;

// Why a question got the answer it got; for the log, the metrics and `hearth why`.
enum class Reason : std::uint8_t {
    kLocal,      // a name of the document
    kSpecial,    // a special-use name (RFC 6761, 6303, 8375) or a canary
    kBlocked,    // a list or a deny rule
    kCached,     // from the cache
    kForwarded,  // an upstream's answer
    kFailed,     // no upstream answered
    kLimited,    // more questions than one client may ask, or than may be forwarded at once
    kLoop,       // our own question came back to us
    kRefused,    // not one of our clients
    kMalformed,  // FORMERR, NOTIMP, BADVERS
};
inline constexpr int kReasonCount = 10;

[[nodiscard]] constexpr std::string_view to_string(Transport transport) noexcept {
    switch (transport) {
        case Transport::kUdp: return "udp";
        case Transport::kTcp: return "tcp";
        case Transport::kTls: return "tls";
        case Transport::kHttps: return "https";
    }
    return "unknown";
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
    std::uint64_t connection = 0;  // all but UDP: which connection
    std::int32_t stream = 0;       // HTTPS: which of its streams
};

struct QueryContext {
    ReplyPath path;
    TimePoint now;
    std::int64_t wall_ms = 0;     // since 1970 in UTC; for the query log and cookies only
    std::uint16_t keepalive = 0;  // TCP, TLS: what idle connections get, in 100 ms (RFC 7828)
};

}  // namespace hearth::dns
