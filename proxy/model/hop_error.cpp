#include "proxy/model/hop_error.h"

namespace hearth::proxy {

Hop hop_of(HopReason reason) noexcept {
    switch (reason) {
        case HopReason::kNone:
        case HopReason::kUnknownHost:
        case HopReason::kNoUpstream:
        case HopReason::kTooManyConnections:
        case HopReason::kMisdirected:
        case HopReason::kNoHealthyUpstream:
        case HopReason::kForbidden:
        case HopReason::kRateLimited:
        case HopReason::kBodyTooLarge:
        case HopReason::kUnauthorized:
        case HopReason::kAuthUnavailable:
        case HopReason::kNoCertificate:
        case HopReason::kOverloaded: return Hop::kProxy;
        case HopReason::kRefusedRequest:
        case HopReason::kRequestTimeout:
        case HopReason::kClientGone: return Hop::kClient;
        default: return Hop::kUpstream;
    }
}

std::string_view to_string(Hop hop) noexcept {
    switch (hop) {
        case Hop::kClient: return "client";
        case Hop::kProxy: return "proxy";
        case Hop::kUpstream: return "upstream";
    }
    return "unknown";
}

std::string_view to_string(HopReason reason) noexcept {
    switch (reason) {
        case HopReason::kNone: return "none";
        case HopReason::kRefusedRequest: return "refused_request";
        case HopReason::kRequestTimeout: return "request_timeout";
        case HopReason::kClientGone: return "client_gone";
        case HopReason::kUnknownHost: return "unknown_host";
        case HopReason::kNoUpstream: return "no_upstream";
        case HopReason::kTooManyConnections: return "too_many_connections";
        case HopReason::kMisdirected: return "misdirected";
        case HopReason::kNoHealthyUpstream: return "no_healthy_upstream";
        case HopReason::kOverloaded: return "overloaded";
        case HopReason::kForbidden: return "forbidden";
        case HopReason::kNoCertificate: return "no_certificate";
        case HopReason::kRateLimited: return "rate_limited";
        case HopReason::kBodyTooLarge: return "body_too_large";
        case HopReason::kUnauthorized: return "unauthorized";
        case HopReason::kAuthUnavailable: return "auth_unavailable";
        case HopReason::kNameNotResolved: return "name_not_resolved";
        case HopReason::kConnectRefused: return "connect_refused";
        case HopReason::kConnectTimeout: return "connect_timeout";
        case HopReason::kUnreachable: return "unreachable";
        case HopReason::kReset: return "reset";
        case HopReason::kClosedEarly: return "closed_early";
        case HopReason::kTruncated: return "truncated";
        case HopReason::kBadResponse: return "bad_response";
        case HopReason::kTlsFailed: return "tls_failed";
        case HopReason::kSpeaksNoTls: return "speaks_no_tls";
        case HopReason::kTlsTimeout: return "tls_timeout";
        case HopReason::kNoTunnel: return "no_tunnel";
        case HopReason::kResponseTimeout: return "response_timeout";
    }
    return "unknown";
}

int status_of(const HopError& error) noexcept {
    switch (error.reason) {
        case HopReason::kNone:
        case HopReason::kClientGone: return 0;
        case HopReason::kRefusedRequest: return status_of(error.refusal);
        case HopReason::kRequestTimeout: return 408;
        case HopReason::kUnknownHost: return 404;
        case HopReason::kMisdirected: return 421;
        case HopReason::kNoCertificate:
        case HopReason::kForbidden: return 403;
        case HopReason::kRateLimited: return 429;
        case HopReason::kBodyTooLarge: return 413;
        case HopReason::kUnauthorized: return 401;
        case HopReason::kAuthUnavailable:
        case HopReason::kNoUpstream:
        case HopReason::kTooManyConnections:
        case HopReason::kNoHealthyUpstream:
        case HopReason::kOverloaded:
        case HopReason::kNameNotResolved: return 503;
        case HopReason::kConnectTimeout:
        case HopReason::kTlsTimeout:
        case HopReason::kResponseTimeout: return 504;
        default: return 502;
    }
}

}  // namespace hearth::proxy
