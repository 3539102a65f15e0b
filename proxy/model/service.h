#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/proxy_protocol.h"
#include "proxy/model/balancing.h"
#include "proxy/model/client_certificates.h"
#include "proxy/model/policy.h"
#include "proxy/model/routing.h"
#include "proxy/model/stream_route.h"

namespace hearth::proxy {

enum class UpstreamProtocol : std::uint8_t {
    kHttp,   // 1.1
    kHttps,  // 1.1 or 2 under TLS, as agreed
    kH2c,    // HTTP/2 without TLS, with prior knowledge
};

// What is spoken with an upstream that is not simply plain HTTP/1.1; connections are shared only
// among those that want the same.
struct UpstreamSecurity {
    UpstreamProtocol protocol = UpstreamProtocol::kHttps;
    std::string name;           // a host name or an address, in its certificate
    bool verify = true;         // false: any certificate will do
    std::string ca_file;        // PEM; empty: the system's authorities
    std::string socket_path{};  // of a Unix socket; its endpoint only tells it from others

    friend bool operator==(const UpstreamSecurity&, const UpstreamSecurity&) = default;
};

// One place a service runs at, as the document names it.
struct UpstreamSpec {
    std::string text;                  // as written: "http://pi5:2283"
    std::string host;                  // to be resolved when `address` is empty
    std::optional<IpAddress> address;  // literal, or of a node
    std::uint16_t port = 80;
    unsigned weight = 1;
    std::optional<UpstreamSecurity> security;  // none: plain HTTP/1.1

    friend bool operator==(const UpstreamSpec&, const UpstreamSpec&) = default;
};

// What plain HTTP requests get when there is a certificate for the name.
enum class PlainHttp : std::uint8_t {
    kRedirect,  // 308 to https
    kServe,     // the service: for devices that cannot trust a home's own authority
};

// What one name in the document stands for.
struct Service {
    std::string name;
    std::vector<std::string> hosts;  // lower case, without a final dot: "immich", "immich.home"
    std::vector<UpstreamSpec> upstreams;
    PlainHttp plain_http = PlainHttp::kRedirect;
    std::vector<std::string> further_hosts{};  // full names, "*.apps.home" for all under it
    std::string under{};                       // a service some of whose paths are this one's …
    std::vector<PathRule> paths{};             // … namely these
    PathRewrite rewrite{};
    Redirect redirect{};
    HeaderEdits request_headers{};
    HeaderEdits response_headers{};
    Policy policy{};
    Balancing balancing{};
    HealthCheck health{};
    RequestLimit limit{};
    ProxyProtocol send_proxy_protocol = ProxyProtocol::kNone;  // ahead of each connection's octets
    bool send_forwarded = false;                               // Forwarded besides X-Forwarded-*
    StreamRoute stream{};
    ClientCertificates client_certificates{};
    Duration answer_timeout{};  // zero: as ever
    bool is_ours = false;       // not of the document: a way to another daemon

    // A connection that was made for one client is no other's.
    [[nodiscard]] bool keeps_connections() const noexcept {
        return send_proxy_protocol == ProxyProtocol::kNone;
    }
};

// The path of the Unix socket that `endpoint` stands for; empty when it is none.
[[nodiscard]] inline std::string_view socket_at(const Service& service,
                                                const Endpoint& endpoint) noexcept {
    for (const UpstreamSpec& spec : service.upstreams) {
        if (spec.security && !spec.security->socket_path.empty() &&
            spec.address == endpoint.address)
            return spec.security->socket_path;
    }
    return {};
}

}  // namespace hearth::proxy
