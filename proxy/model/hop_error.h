#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/model/refusal.h"

namespace hearth::proxy {

// The stretches a request travels: client → proxy → upstream.
enum class Hop : std::uint8_t { kClient, kProxy, kUpstream };

enum class HopReason : std::uint8_t {
    kNone,
    // client
    kRefusedRequest,  // `refusal` says why
    kRequestTimeout,  // headers or body did not arrive in time
    kClientGone,
    // proxy
    kUnknownHost,
    kNoUpstream,  // the service has no endpoint to send to
    kTooManyConnections,
    kMisdirected,        // another name than the one the TLS connection was made for
    kNoHealthyUpstream,  // each fails its checks or is drained
    kForbidden,          // not from this address
    kRateLimited,        // too many requests, or guesses
    kBodyTooLarge,
    kUnauthorized,
    kAuthUnavailable,  // who is asked whether it may pass does not answer
    kNoCertificate,    // the client has shown none that counts
    kOverloaded,       // the service has as many requests as it may, and a full queue
    // upstream
    kNameNotResolved,
    kConnectRefused,
    kConnectTimeout,
    kUnreachable,  // no route, network down
    kReset,        // the connection was reset
    kClosedEarly,  // closed before a complete response head
    kTruncated,    // closed inside the response body
    kBadResponse,  // `refusal` says why
    kTlsFailed,    // its certificate is not accepted, or the handshake failed
    kSpeaksNoTls,  // it answered a TLS handshake with something else
    kTlsTimeout,   // it took the connection and did not answer the handshake
    kNoTunnel,     // it speaks HTTP/2 alone, and takes no tunnels there (RFC 8441)
    kResponseTimeout,
};

// Which hop failed, and why; what an error page, the log and the metrics tell.
struct HopError {
    HopReason reason = HopReason::kNone;
    Refusal refusal = Refusal::kNone;

    [[nodiscard]] bool failed() const noexcept { return reason != HopReason::kNone; }
    friend bool operator==(const HopError&, const HopError&) = default;
};

[[nodiscard]] Hop hop_of(HopReason reason) noexcept;
[[nodiscard]] std::string_view to_string(Hop hop) noexcept;
// A stable name for logs and metrics: "connect_refused".
[[nodiscard]] std::string_view to_string(HopReason reason) noexcept;
// The status the client gets; 0 when the client is not there to get one.
[[nodiscard]] int status_of(const HopError& error) noexcept;

}  // namespace hearth::proxy
