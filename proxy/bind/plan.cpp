#include "proxy/bind/plan.h"

#include <algorithm>
#include <thread>

#include "base/ascii.h"
#include "proxy/bind/policies.h"
#include "proxy/model/unix_socket.h"

namespace hearth::proxy {

namespace {

constexpr unsigned kMostWorkers = 4;

Balance balance_of(config::Balance balance) {
    switch (balance) {
        case config::Balance::kRandom: return Balance::kRandom;
        case config::Balance::kRoundRobin: return Balance::kRoundRobin;
        case config::Balance::kLeastConnections: return Balance::kLeastConnections;
        case config::Balance::kSourceHash: return Balance::kSourceHash;
    }
    return Balance::kRoundRobin;
}

HeaderEdits edits_of(const config::HeaderEdits& edits) {
    return {edits.remove, edits.set, edits.add};
}

std::optional<UpstreamSecurity> security_of(const config::HttpUpstream& upstream) {
    switch (upstream.scheme) {
        case config::UpstreamScheme::kHttps:
            return UpstreamSecurity{UpstreamProtocol::kHttps, upstream.host, upstream.verify,
                                    upstream.ca_file};
        case config::UpstreamScheme::kH2c:
            return UpstreamSecurity{UpstreamProtocol::kH2c, {}, {}, {}, upstream.socket_path};
        default: break;
    }
    if (upstream.socket_path.empty()) return std::nullopt;
    return UpstreamSecurity{UpstreamProtocol::kHttp, {}, {}, {}, upstream.socket_path};
}

UpstreamSpec spec_of(const config::HttpUpstream& from) {
    UpstreamSpec spec{from.text, from.host,   from.address,
                      from.port, from.weight, security_of(from)};
    if (from.socket_path.empty()) return spec;
    const Endpoint stand_in = endpoint_of_socket(from.socket_path);
    spec.address = stand_in.address;
    spec.port = stand_in.port;
    return spec;
}

// hearth-dns, behind the names that clients know it by.
Service doh_service(const std::vector<std::string>& names, const std::string& socket) {
    config::HttpUpstream upstream;
    upstream.text = "unix:" + socket;
    upstream.socket_path = socket;
    Service service;
    service.name = "hearth.dns";  // no label, so that no service of the document has it
    service.hosts = names;
    service.upstreams.push_back(spec_of(upstream));
    service.send_proxy_protocol = ProxyProtocol::kV2;
    service.is_ours = true;
    return service;
}

void make_stream(const config::Service& from, Service& service) {
    StreamRoute& stream = service.stream;
    switch (from.upstreams.front().scheme) {
        case config::UpstreamScheme::kTls: stream.kind = StreamKind::kTls; break;
        case config::UpstreamScheme::kUdp: stream.kind = StreamKind::kUdp; break;
        default: stream.kind = StreamKind::kTcp; break;
    }
    if (stream.kind == StreamKind::kUdp) stream.idle_timeout = 60s;
    if (from.stream.idle_timeout.count() != 0) stream.idle_timeout = from.stream.idle_timeout;
    if (from.stream.max_connections != 0) stream.most = from.stream.max_connections;
    stream.allow = from.allow;
    const config::BackendCheck& check = from.check;
    if (check.kind == config::CheckKind::kNone) return;
    service.health.connects = true;
    service.health.port = check.port;
    service.health.interval = check.interval;
    service.health.timeout = check.timeout;
    service.health.rise = check.rise;
    service.health.fall = check.fall;
}

Service make_service(const config::Service& from, const std::string& domain) {
    Service service;
    service.name = from.name;
    std::vector<std::string> names{from.name};
    names.insert(names.end(), from.aliases.begin(), from.aliases.end());
    for (const std::string& name : names) {
        service.hosts.push_back(lower_case(name) + "." + domain);
        service.hosts.push_back(lower_case(name));
    }
    for (const config::HttpUpstream& upstream : from.upstreams)
        service.upstreams.push_back(spec_of(upstream));
    service.plain_http =
        from.https == config::HttpsUse::kOptional ? PlainHttp::kServe : PlainHttp::kRedirect;
    service.further_hosts = from.hosts;
    service.under = from.under;
    for (const config::PathRule& rule : from.paths)
        service.paths.push_back(
            {rule.path, rule.exact ? PathRule::Kind::kExact : PathRule::Kind::kPrefix});
    service.rewrite = {from.strip_prefix || !from.replace_prefix.empty(),
                       from.replace_prefix == "/" ? "" : from.replace_prefix};
    service.redirect = {from.redirect.to, from.redirect.status};
    service.request_headers = edits_of(from.request_headers);
    service.response_headers = edits_of(from.response_headers);
    service.balancing = {balance_of(from.balance), from.sticky, from.slow_start};
    const config::HealthCheck& health = from.health;
    service.health = {health.path,
                      health.grpc,
                      false,
                      0,
                      static_cast<int>(health.status_from),
                      static_cast<int>(health.status_to),
                      health.interval,
                      health.timeout,
                      health.rise,
                      health.fall};
    service.limit = {from.limit.requests, from.limit.queue, from.limit.wait};
    service.send_proxy_protocol = from.send_proxy_protocol;
    service.send_forwarded = from.send_forwarded;
    service.answer_timeout = from.answer_timeout;
    if (from.is_stream()) make_stream(from, service);
    return service;
}

UnknownName unknown_name(config::UnknownTlsName name) {
    switch (name) {
        case config::UnknownTlsName::kRefuse: return UnknownName::kRefuse;
        case config::UnknownTlsName::kFirst: return UnknownName::kFirst;
        case config::UnknownTlsName::kPage: return UnknownName::kPage;
    }
    return UnknownName::kRefuse;
}

std::optional<std::size_t> index_of(const Snapshot& snapshot, const std::string& name) {
    for (std::size_t i = 0; i < snapshot.services.size(); ++i) {
        if (snapshot.services[i].name == name) return i;
    }
    return std::nullopt;
}

void add_pages(std::vector<ErrorPageFile>& pages, const std::string& service,
               const std::vector<config::ErrorPageFile>& from) {
    for (const config::ErrorPageFile& one : from)
        pages.push_back({service, static_cast<int>(one.from), static_cast<int>(one.to), one.file});
}

Tracing tracing_of(const config::Proxy& proxy) {
    Tracing tracing;
    if (!proxy.tracing) return tracing;
    tracing.use = proxy.tracing->otlp ? Tracing::Use::kSpans : Tracing::Use::kHeads;
    tracing.sample = proxy.tracing->sample;
    tracing.continue_from = proxy.tracing->continue_from;
    tracing.continue_from.insert(tracing.continue_from.end(), proxy.trusted_proxies.begin(),
                                 proxy.trusted_proxies.end());
    return tracing;
}

AccessFormat access_format(config::AccessLog log) {
    switch (log) {
        case config::AccessLog::kOff: return AccessFormat::kOff;
        case config::AccessLog::kText: return AccessFormat::kText;
        case config::AccessLog::kJson: return AccessFormat::kJson;
        case config::AccessLog::kJournal: return AccessFormat::kJournal;
        case config::AccessLog::kCombined: return AccessFormat::kCombined;
    }
    return AccessFormat::kOff;
}

Result<std::vector<Endpoint>> where_to_listen(const config::Document& document,
                                              const config::Node* node,
                                              const std::vector<Endpoint>& given,
                                              std::uint16_t port) {
    const config::Proxy& proxy = document.proxy;
    if (!given.empty()) return given;
    if (node == nullptr) {
        return fail(Errc::kInvalid, "nodes",
                    "this machine carries the address of no node: correct `nodes`, name the node "
                    "with --node, or say where to listen in proxy.listen");
    }
    std::vector<Endpoint> endpoints{{node->address, port}};
    if (const config::Vip* vip = document.find_vip(proxy.vip)) {
        for (const IpAddress& address : vip->addresses) endpoints.push_back({address, port});
    }
    return endpoints;
}

Result<std::vector<Listening>> all_listeners(const config::Document& document,
                                             const config::Node* node) {
    const config::Proxy& proxy = document.proxy;
    std::vector<Listening> all;
    auto plain = where_to_listen(document, node, proxy.listen, proxy.http);
    if (!plain) return fail(std::move(plain.error()));
    for (const Endpoint& endpoint : *plain) all.push_back({endpoint, Security::kPlain});
    if (!proxy.serves_https()) return all;
    auto secure = where_to_listen(document, node, proxy.listen_https, proxy.https);
    if (!secure) return fail(std::move(secure.error()));
    for (const Endpoint& endpoint : *secure) all.push_back({endpoint, Security::kTls});
    for (const Endpoint& endpoint : config::doh_listeners(document))
        all.push_back({endpoint, Security::kTls});
    return all;
}

// Their ports, which are listened at, and whether names have to be looked at before TLS is ended.
void add_streams(Snapshot& snapshot, std::vector<Listening>& listen,
                 const config::Document& document, const config::Node* node) {
    for (std::size_t i = 0; i < snapshot.services.size(); ++i) {
        Service& service = snapshot.services[i];
        const StreamKind kind = service.stream.kind;
        snapshot.passes_tls_on |= kind == StreamKind::kTls;
        if (kind != StreamKind::kTcp && kind != StreamKind::kUdp) continue;
        service.stream.listen =
            config::stream_endpoints(document, *document.find_service(service.name), node);
        for (const Endpoint& endpoint : service.stream.listen) {
            snapshot.streams.push_back({kind, endpoint, i});
            listen.push_back(
                {endpoint, kind == StreamKind::kTcp ? Security::kStream : Security::kDatagram});
        }
    }
}

}  // namespace

Result<Plan> make_plan(const config::Document& document, const config::Node* node,
                       const std::string& doh_socket) {
    auto listen = all_listeners(document, node);
    if (!listen) return fail(std::move(listen.error()));

    auto snapshot = std::make_shared<Snapshot>();
    snapshot->domain = document.domain.to_string();
    snapshot->own_host = std::string(config::kOwnLabel) + "." + snapshot->domain;
    for (const config::Service& service : document.services) {
        if (!service.is_proxied()) continue;  // hearth-lb's
        snapshot->services.push_back(make_service(service, snapshot->domain));
        auto certificates = make_client_certificates(service.client_certificates);
        if (!certificates) return fail(std::move(certificates.error()));
        snapshot->services.back().client_certificates = std::move(*certificates);
        auto policy = make_policy(service.middleware);
        if (!policy) return fail(std::move(policy.error()));
        snapshot->services.back().policy = std::move(*policy);
    }
    add_streams(*snapshot, *listen, document, node);
    const auto doh_names = config::doh_names(document);
    if (!doh_names.empty() && !doh_socket.empty())
        snapshot->services.push_back(doh_service(doh_names, doh_socket));
    snapshot->router =
        Router(snapshot->services, index_of(*snapshot, document.proxy.default_service));
    snapshot->lan = document.lan;
    snapshot->https_port = document.proxy.listen_https.empty()
                               ? document.proxy.https
                               : document.proxy.listen_https.front().port;
    snapshot->trusted_proxies = document.proxy.trusted_proxies;
    if (document.proxy.trusted_header == config::TrustedHeader::kForwarded)
        snapshot->trusted_header = TrustedHeader::kForwarded;
    snapshot->proxy_protocol_from = document.proxy.proxy_protocol_from;
    snapshot->tracing = tracing_of(document.proxy);

    Plan plan;
    if (document.proxy.tls.local_ca && document.proxy.serves_https())
        plan.local_names = config::proxied_names(document);
    plan.snapshot = std::move(snapshot);
    plan.listen = std::move(*listen);
    for (const config::TlsCertificate& one : document.proxy.tls.certificates)
        plan.certificates.push_back({one.certificate, one.key});
    plan.unknown_name = unknown_name(document.proxy.tls.unknown_name);
    plan.max_connections = document.proxy.max_connections;
    if (node != nullptr) plan.node = node->name;
    add_pages(plan.error_pages, {}, document.proxy.error_pages);
    for (const config::Service& service : document.services)
        add_pages(plan.error_pages, service.name, service.error_pages);
    if (document.proxy.tracing && document.proxy.tracing->otlp) {
        const config::Collector& to = *document.proxy.tracing->otlp;
        plan.collector = {to.text, to.host, to.address, to.port, to.path, std::nullopt};
        if (to.is_https)
            plan.collector.security = UpstreamSecurity{UpstreamProtocol::kHttps, to.host, true,
                                                       document.proxy.tracing->ca_file};
    }
    plan.access_format = access_format(document.proxy.access_log);
    plan.workers = document.proxy.workers != 0
                       ? document.proxy.workers
                       : std::clamp(std::thread::hardware_concurrency(), 1U, kMostWorkers);
    return plan;
}

}  // namespace hearth::proxy
