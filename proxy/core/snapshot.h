#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/core/header_rules.h"
#include "proxy/core/router.h"
#include "proxy/model/service.h"
#include "proxy/model/trace.h"

namespace hearth::proxy {

// What one revision of the document means to the proxy. Immutable once published; an exchange
// keeps the one it began with.
struct Snapshot {
    std::string domain;
    std::string own_host;  // of our own pages: "hearth.home"
    std::vector<Service> services;
    Router router;
    std::vector<IpPrefix> lan;              // who gets to see details on error pages
    std::vector<IpPrefix> trusted_proxies;  // believed what they say of their clients …
    TrustedHeader trusted_header = TrustedHeader::kXForwarded;  // … in these fields
    Tracing tracing;
    std::vector<IpPrefix> proxy_protocol_from;  // their connections begin with a PROXY header
    Duration header_timeout = 30s;
    Duration keep_alive_timeout = 75s;
    Duration upstream_idle_timeout = 4s;  // Node's servers close at 5 s
    std::size_t max_connections_per_address = 512;
    std::uint16_t https_port = 443;  // where redirects lead

    struct StreamPlace {
        StreamKind kind = StreamKind::kNone;
        Endpoint endpoint;
        std::size_t service = 0;
    };
    std::vector<StreamPlace> streams;  // of kTcp and kUdp
    bool passes_tls_on = false;        // some service is a kTls

    // Whose the port is.
    [[nodiscard]] std::optional<std::size_t> stream_at(StreamKind kind,
                                                       const Endpoint& endpoint) const noexcept {
        for (const StreamPlace& place : streams) {
            if (place.kind == kind && place.endpoint == endpoint) return place.service;
        }
        return std::nullopt;
    }

    // Whether to name hosts, addresses and reasons to them.
    [[nodiscard]] bool is_of_the_house(const IpAddress& address) const noexcept {
        return address.is_loopback() || is_trusted(address, lan);
    }

    // Who counts as one where rates and failures are counted. A device at home is its address, for
    // all of them share a /64; a stranger has a /64 to choose addresses from.
    [[nodiscard]] IpAddress one_client(const IpAddress& address) const noexcept {
        const bool is_itself = address.is_v4() || is_of_the_house(address);
        return is_itself ? address : IpPrefix(address, 64).address();
    }
};

}  // namespace hearth::proxy
