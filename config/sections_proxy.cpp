#include <algorithm>
#include <array>

#include "config/codec.h"
#include "config/sections.h"
#include "config/sections_apps.h"
#include "config/sections_balancing.h"
#include "config/sections_client_trust.h"
#include "config/sections_error_pages.h"
#include "config/sections_routing.h"
#include "config/sections_streams.h"
#include "config/sections_tracing.h"
#include "config/sections_upstreams.h"
#include "config/suggest.h"

namespace hearth::config {
namespace {

TypeInfo upstream_type(Shape shape) {
    TypeInfo type = section(http_upstream_section()).type;
    type.shape = shape;
    return type;
}

bool read_one_upstream(const Value& value, Service& service, ReadContext& context) {
    if (value.kind == Kind::kSequence) {
        context.diagnostics.error(value.span, "upstream is one URL; for several write upstreams");
        return false;
    }
    return list_of(section(http_upstream_section()), kNotEmpty)
        .read(value, service.upstreams, context);
}

// What only the proxy does; false after it has reported one beside `ports`.
bool expect_no_proxying(const Value& value, ReadContext& context) {
    for (const char* key :
         {"hosts", "under", "redirect", "middleware", "request_headers", "response_headers",
          "health", "limit", "sticky", "slow_start", "send_proxy_protocol", "send_forwarded",
          "error_pages", "https", "client_certificates"}) {
        const Entry* entry = value.find(key);
        if (entry == nullptr) continue;
        context.diagnostics.error(entry->key_span, std::string(key) +
                                                       " is for services with upstreams: ports are "
                                                       "passed on without a look inside");
        return false;
    }
    return true;
}

// Asked by gRPC, which is HTTP/2; false after it has been reported for others.
bool expect_http2_for_grpc(const Value& value, const Service& service, ReadContext& context) {
    const Entry* entry = value.find("health");
    const bool has_others =
        std::ranges::any_of(service.upstreams, [](const HttpUpstream& upstream) {
            return upstream.scheme != UpstreamScheme::kH2c &&
                   upstream.scheme != UpstreamScheme::kHttps;
        });
    if (entry == nullptr || !service.health.grpc || !has_others) return true;
    context.diagnostics.error(entry->key_span,
                              "health by grpc is for upstreams of HTTP/2: h2c://… or https://…");
    return false;
}

// A PROXY header is one client's; false after it has been reported where clients share a
// connection.
bool expect_own_connections(const Value& value, const Service& service, ReadContext& context) {
    const Entry* entry = value.find("send_proxy_protocol");
    const bool shares = std::ranges::any_of(service.upstreams, [](const HttpUpstream& upstream) {
        return upstream.scheme == UpstreamScheme::kH2c;
    });
    if (entry == nullptr || !shares) return true;
    context.diagnostics.error(entry->key_span,
                              "send_proxy_protocol is not for h2c upstreams: all clients share "
                              "a connection there");
    return false;
}

bool finish_balance(const Value& value, Service& service, ReadContext& context) {
    const Entry* balance = value.find("balance");
    if (balance == nullptr && !service.upstreams.empty()) service.balance = Balance::kRoundRobin;
    if (service.ports.empty() || service.balance != Balance::kLeastConnections) return true;
    context.diagnostics.error(balance->value.span,
                              "least-conn is for services with upstreams; for ports: random, "
                              "round-robin or source-hash");
    return false;
}

bool finish_service(const Value& value, Span key_span, void* target, ReadContext& context) {
    const Entry* one = value.find("upstream");
    const Entry* several = value.find("upstreams");
    if (one != nullptr && several != nullptr) {
        context.diagnostics.error(one->key_span, "write upstream or upstreams, not both");
        return false;
    }
    auto& service = *static_cast<Service*>(target);
    if (!finish_balance(value, service, context)) return false;
    if (!service.ports.empty() && !expect_no_proxying(value, context)) return false;
    if (!expect_own_connections(value, service, context)) return false;
    if (!expect_http2_for_grpc(value, service, context)) return false;
    const Entry* ports = value.find("ports");
    if (ports != nullptr && !service.upstreams.empty()) {
        context.diagnostics.error(ports->key_span,
                                  "a service has upstreams (through the proxy) or ports, not both");
        return false;
    }
    const bool has_vip = service.request || !service.vip.empty() || !service.addresses.empty();
    if (has_vip != !service.ports.empty()) {
        context.diagnostics.error(
            key_span,
            "vip and ports go together: {vip: 10.0.0.101, ports: "
            "{tcp/1883: [pi4-1, pi4-2]}}, or vip: auto for an address of a pool");
        return false;
    }
    if (!finish_stream(value, key_span, service, context)) return false;
    if (!finish_app(value, service, context)) return false;
    if (!finish_balancing(value, service, context)) return false;
    if (!finish_routing(value, key_span, service, context)) return false;
    if (!service.upstreams.empty() || !service.ports.empty() || !service.redirect.to.empty())
        return true;
    context.diagnostics.error(key_span,
                              "a service needs an upstream: {upstream: \"http://pi5:2283\"}");
    return false;
}

struct AccessLogWord {
    const char* word;
    AccessLog format;
};
constexpr std::array kAccessLogs{
    AccessLogWord{"off", AccessLog::kOff}, AccessLogWord{"text", AccessLog::kText},
    AccessLogWord{"json", AccessLog::kJson}, AccessLogWord{"journal", AccessLog::kJournal},
    AccessLogWord{"combined", AccessLog::kCombined}};
constexpr std::string_view kAccessLogWords = "off, text, json, journal or combined";

bool read_access_log(const Value& value, Proxy& proxy, ReadContext& context) {
    if (!expect_scalar(value, kAccessLogWords, context)) return false;
    std::vector<std::string> words;
    for (const AccessLogWord& one : kAccessLogs) {
        words.emplace_back(one.word);
        if (value.text != one.word) continue;
        proxy.access_log = one.format;
        return true;
    }
    context.diagnostics.error(value.span, value.text + " is not " + std::string(kAccessLogWords),
                              closest(value.text, words));
    return false;
}

Field access_log_field() {
    TypeInfo type;
    type.name = kAccessLogWords;
    type.schema = R"({"enum":["off","text","json","journal","combined"]})";
    return custom_field<Proxy>("access_log", type, "off", read_access_log,
                               "A line on standard output for each request, or an entry of the "
                               "journal with a field for each thing; combined is Apache's format. "
                               "Requests can be followed without it.",
                               "json");
}

Field tracing_field() {
    Codec<std::optional<Tracing>> codec;
    codec.type = section(tracing_section()).type;
    codec.read = [](const Value& value, std::optional<Tracing>& into, ReadContext& context) {
        return tracing_section().read(value, value.span, &into.emplace(), context);
    };
    return field("tracing", &Proxy::tracing, codec, "Traces of requests.", "http://pi5:4318",
                 Presence::kOptional, "(none)");
}

const Section<TlsCertificate>& certificate_section() {
    static const Section<TlsCertificate> table{{
        "proxy.tls.certificates",
        "A certificate of your own, for the names in it. It is read again when its files change.",
        "",
        {
            required("certificate", &TlsCertificate::certificate, path(),
                     "PEM file: the certificate, then its issuers; relative to the folder of "
                     "hearth.yaml.",
                     "tls/home.pem"),
            required("key", &TlsCertificate::key, path(),
                     "PEM file of its private key, which hearth-proxy must be able to read.",
                     "tls/home.key"),
        },
        {},
    }};
    return table;
}

const Section<ProxyTls>& tls_section() {
    static const Section<ProxyTls> table{{
        "proxy.tls",
        "HTTPS, for each name that has a certificate.",
        "",
        {
            field("certificates", &ProxyTls::certificates, list_of(section(certificate_section())),
                  "Certificates; the name a client asks for chooses.",
                  "[{certificate: tls/home.pem, key: tls/home.key}]"),
            field("local_ca", &ProxyTls::local_ca, boolean(),
                  "Whether names without a certificate of their own get one of the local CA, which "
                  "hearth-certs holds.",
                  "false"),
            field(
                "unknown_name", &ProxyTls::unknown_name,
                one_of<UnknownTlsName>({{"refuse", UnknownTlsName::kRefuse},
                                        {"first", UnknownTlsName::kFirst},
                                        {"page", UnknownTlsName::kPage}}),
                "What a client gets that asks for a name without a certificate: no connection, the "
                "first certificate, or, behind a warning, a page under the one of hearth.DOMAIN.",
                "first"),
        },
        {},
    }};
    return table;
}

}  // namespace

const Section<Proxy>& proxy_section() {
    static const Section<Proxy> table{{
        "proxy",
        "The reverse proxy in front of the services.",
        "",
        {
            field("vip", &Proxy::vip, vip_name(), "The VIP that services resolve to.", "proxy",
                  Presence::kOptional, "(none: services resolve to the nodes)"),
            field("listen", &Proxy::listen, list_of(endpoint()),
                  "Listen here and nowhere else, instead of on the VIP and the node's address.",
                  "[\"127.0.0.1:8080\"]"),
            field("http", &Proxy::http, port(), "Port for HTTP on the VIP and the node's address.",
                  "80"),
            field("listen_https", &Proxy::listen_https, list_of(endpoint()),
                  "Listen for HTTPS here and nowhere else.", "[\"127.0.0.1:8443\"]"),
            field("https", &Proxy::https, port(),
                  "Port for HTTPS on the VIP and the node's address.", "443"),
            field("tls", &Proxy::tls, section(tls_section()),
                  "Certificates, and how they are used.",
                  "{certificates: [{certificate: tls/home.pem, key: tls/home.key}]}"),
            field("trusted_proxies", &Proxy::trusted_proxies, list_of(prefix()),
                  "Proxies in front of this one that are believed what they say of their clients.",
                  "[10.42.0.0/16]"),
            field("trusted_header", &Proxy::trusted_header,
                  one_of<TrustedHeader>({{"x-forwarded", TrustedHeader::kXForwarded},
                                         {"forwarded", TrustedHeader::kForwarded}}),
                  "Where trusted proxies say it: X-Forwarded-*, or Forwarded (RFC 7239). The other "
                  "is dropped, for they pass it on from anybody.",
                  "forwarded"),
            field("proxy_protocol_from", &Proxy::proxy_protocol_from, list_of(prefix()),
                  "Load balancers whose connections begin with a PROXY header, version 1 or 2. One "
                  "that comes without is closed; from elsewhere the header is refused.",
                  "[10.0.0.2]"),
            field("default_service", &Proxy::default_service, host_label(),
                  "The service that gets requests for hosts nobody has, instead of a 404.",
                  "dashboard", Presence::kOptional, "(none)"),
            field("max_connections", &Proxy::max_connections, integer<std::size_t>(16, 1'000'000),
                  "Client connections at a time; more wait in the kernel's queue.", "4096"),
            field("workers", &Proxy::workers, integer<unsigned>(1, 64), "Threads that serve.", "2",
                  Presence::kOptional, "(one per core, at most 4)"),
            access_log_field(),
            tracing_field(),
            field("error_pages", &Proxy::error_pages, error_pages(),
                  "HTML files shown in place of the proxy's own pages, by status or class; "
                  "{{status}} and others in them are filled in. They are read again when they "
                  "change.",
                  "{404: pages/404.html, 5xx: pages/down.html}", Presence::kOptional, "(none)"),
        },
        {},
    }};
    return table;
}

namespace {

// What any service has, then what is for those with ports.
std::vector<Field> service_fields() {
    std::vector<Field> fields{
        custom_field<Service>(
            "upstream", upstream_type(Shape::kOne), "", read_one_upstream,
            "Where the service runs. HOST is a node's name, an address or a name.",
            "\"http://pi5:2283\""),
        field("upstreams", &Service::upstreams,
              list_of(section(http_upstream_section()), kNotEmpty),
              "The same service on several machines.",
              "[\"http://pi5:8081\", \"http://pi4-1:8081\"]"),
        field("aliases", &Service::aliases, list_of(host_label()), "Further names of the service.",
              "[photos]"),
        field("https", &Service::https,
              one_of<HttpsUse>(
                  {{"required", HttpsUse::kRequired}, {"optional", HttpsUse::kOptional}}),
              "Where a certificate has the service's name: whether plain HTTP requests are sent "
              "to HTTPS, or served, for televisions and others that cannot trust it.",
              "optional"),
        field("health", &Service::health, section(health_section()), "Checks of the upstreams.",
              "/health"),
        field("limit", &Service::limit, section(limit_section()),
              "How many requests its upstreams get at a time.", "100"),
        field("sticky", &Service::sticky, token(),
              "A cookie of this name keeps each client at its upstream while that serves.",
              "web_at", Presence::kOptional, "(none)"),
        field("slow_start", &Service::slow_start,
              duration<std::chrono::milliseconds>(std::chrono::milliseconds(0),
                                                  std::chrono::hours(1)),
              "How long an upstream that has come back gets fewer requests than its share.", "30s"),
        field("send_proxy_protocol", &Service::send_proxy_protocol,
              one_of<ProxyProtocol>({{"off", ProxyProtocol::kNone},
                                     {"v1", ProxyProtocol::kV1},
                                     {"v2", ProxyProtocol::kV2}}),
              "Tells the upstreams of each connection whose it is, ahead of its octets. They "
              "must expect that; connections to them are not kept.",
              "v2"),
        field("send_forwarded", &Service::send_forwarded, boolean(),
              "Tells the upstreams of the client in a Forwarded field (RFC 7239), besides "
              "X-Forwarded-*.",
              "true"),
        field("error_pages", &Service::error_pages, error_pages(),
              "Of this service, before those of proxy.error_pages.", "{502: pages/starting.html}",
              Presence::kOptional, "(none)"),
        field("balance", &Service::balance,
              one_of<Balance>({{"random", Balance::kRandom},
                               {"round-robin", Balance::kRoundRobin},
                               {"least-conn", Balance::kLeastConnections},
                               {"source-hash", Balance::kSourceHash}}),
              "Which upstream a request, or which backend a connection goes to. least-conn, for "
              "upstreams only: the least busy; source-hash: the same for each client.",
              "source-hash", Presence::kOptional, "(round-robin for upstreams, random for ports)"),
    };
    for (Field& one : routing_fields()) fields.push_back(std::move(one));
    for (Field& one : balancing_fields()) fields.push_back(std::move(one));
    for (Field& one : stream_fields()) fields.push_back(std::move(one));
    fields.push_back(client_certificates_field());
    for (Field& one : app_fields()) fields.push_back(std::move(one));
    return fields;
}

}  // namespace

const Section<Service>& service_section() {
    static const Section<Service> table{{
        "services.NAME",
        "A service, reached as NAME and NAME.domain: through the proxy, its upstream alone being "
        "enough, or by its own ports of a VIP.",
        "upstreams",
        service_fields(),
        finish_service,
    }};
    return table;
}

}  // namespace hearth::config
