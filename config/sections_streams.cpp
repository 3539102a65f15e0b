#include "config/sections_streams.h"

#include <algorithm>
#include <array>

#include "config/codec.h"

namespace hearth::config {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kLongestIdle{7 * 24 * 3600};

Codec<StreamListen> stream_listen() {
    const auto parse = [](const Value& value) -> Parsed<StreamListen> {
        if (const auto number = parse_port(value.text)) return StreamListen{std::nullopt, *number};
        const auto endpoint = Endpoint::parse(value.text);
        if (!endpoint || endpoint->port == 0)
            return fault(value.text + " is neither a port nor ADDRESS:PORT");
        if (endpoint->address.is_unspecified() || endpoint->address.is_multicast())
            return fault("listen names an address of this machine, or a port alone");
        return StreamListen{endpoint->address, endpoint->port};
    };
    return scalar<StreamListen>("port, or ADDRESS:PORT", R"({"type":["string","integer"]})", parse);
}

// "https" of "https://nas:443"
std::string scheme_of(const HttpUpstream& upstream) {
    return upstream.text.substr(0, upstream.text.find(':'));
}

enum class Family { kHttp, kTls, kTcp, kUdp };

Family family_of(const HttpUpstream& upstream) {
    switch (upstream.scheme) {
        case UpstreamScheme::kTls: return Family::kTls;
        case UpstreamScheme::kTcp: return Family::kTcp;
        case UpstreamScheme::kUdp: return Family::kUdp;
        default: return Family::kHttp;
    }
}

template <std::size_t N>
bool expect_none(const Value& value, const std::array<std::string_view, N>& keys,
                 const std::string& why, ReadContext& context) {
    for (const std::string_view key : keys) {
        const Entry* entry = value.find(key);
        if (entry == nullptr) continue;
        context.diagnostics.error(entry->key_span, std::string(key) + why);
        return false;
    }
    return true;
}

bool expect_one_family(const Service& service, Span key_span, ReadContext& context) {
    for (const HttpUpstream& upstream : service.upstreams) {
        if (family_of(upstream) == family_of(service.upstreams.front())) continue;
        context.diagnostics.error(key_span, "upstreams of one service are of one kind: " +
                                                scheme_of(service.upstreams.front()) + " and " +
                                                scheme_of(upstream) + " do not mix");
        return false;
    }
    return true;
}

bool finish_check(const Value& value, const Service& service, ReadContext& context) {
    const Entry* check = value.find("check");
    if (check == nullptr) return true;
    if (service.check.kind != CheckKind::kTcp) {
        context.diagnostics.error(check->value.span,
                                  "the proxy checks tls, tcp and udp upstreams by connecting: "
                                  "{kind: tcp}, or {kind: tcp, port: 8080}");
        return false;
    }
    if (family_of(service.upstreams.front()) != Family::kUdp || service.check.port != 0)
        return true;
    context.diagnostics.error(check->value.span,
                              "udp upstreams are checked over TCP: say at which port");
    return false;
}

bool finish_kind(const Value& value, Service& service, ReadContext& context) {
    const Family family = family_of(service.upstreams.front());
    if (family == Family::kTls) {
        constexpr std::array<std::string_view, 1> kPorts{"listen"};
        return expect_none(value, kPorts,
                           " is for tcp and udp: TLS is told apart by the name that "
                           "is asked for, at the HTTPS port",
                           context);
    }
    constexpr std::array<std::string_view, 1> kNames{"hosts"};
    if (!expect_none(value, kNames, " is for services that are asked for by name, not by port",
                     context))
        return false;
    if (service.send_proxy_protocol == ProxyProtocol::kV1 && family == Family::kUdp) {
        context.diagnostics.error(value.find("send_proxy_protocol")->value.span,
                                  "version 1 knows TCP only; write v2");
        return false;
    }
    if (service.stream.listen.empty())
        service.stream.listen.push_back({std::nullopt, service.upstreams.front().port});
    return true;
}

}  // namespace

std::vector<Field> stream_fields() {
    const auto stream = [](auto member, auto codec) {
        return [member, read = std::move(codec.read)](const Value& value, Service& service,
                                                      ReadContext& context) {
            return read(value, service.stream.*member, context);
        };
    };
    auto listen = list_of(stream_listen(), {1, 16});
    auto idle = duration<std::chrono::seconds>(1s, kLongestIdle);
    auto most = integer<std::size_t>(1, 1'000'000);
    return {
        custom_field<Service>("listen", listen.type, "(the upstream's port)",
                              stream(&StreamSettings::listen, listen),
                              "For tcp and udp upstreams: the ports of the proxy's addresses that "
                              "clients come to, or one address with its port.",
                              "[1883, \"10.0.0.100:8883\"]"),
        custom_field<Service>("idle_timeout", idle.type, "(1h, for udp 1m)",
                              stream(&StreamSettings::idle_timeout, idle),
                              "For tls, tcp and udp upstreams: how long nothing may move before a "
                              "connection ends, or a client of udp is forgotten.",
                              "24h"),
        custom_field<Service>(
            "max_connections", most.type, "4096", stream(&StreamSettings::max_connections, most),
            "For tls, tcp and udp upstreams: connections, or clients of udp, at a "
            "time.",
            "100"),
    };
}

bool finish_stream(const Value& value, Span key_span, Service& service, ReadContext& context) {
    constexpr std::array<std::string_view, 3> kOurs{"listen", "idle_timeout", "max_connections"};
    if (!service.is_stream())
        return expect_none(value, kOurs, " is for services with tls, tcp or udp upstreams",
                           context) &&
               expect_one_family(service, key_span, context);
    if (!expect_one_family(service, key_span, context)) return false;
    constexpr std::array<std::string_view, 15> kRequests{"under",
                                                         "paths",
                                                         "strip_prefix",
                                                         "replace_prefix",
                                                         "redirect",
                                                         "middleware",
                                                         "request_headers",
                                                         "response_headers",
                                                         "health",
                                                         "limit",
                                                         "client_certificates",
                                                         "error_pages",
                                                         "sticky",
                                                         "send_forwarded",
                                                         "https"};
    return expect_none(value, kRequests,
                       " is for services that answer requests: tls, tcp and udp "
                       "upstreams get their octets as they are",
                       context) &&
           finish_check(value, service, context) && finish_kind(value, service, context);
}

}  // namespace hearth::config
