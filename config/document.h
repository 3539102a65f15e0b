#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "base/proxy_protocol.h"
#include "config/document_balancing.h"
#include "config/document_client_trust.h"
#include "config/document_error_pages.h"
#include "config/document_middleware.h"
#include "config/document_names.h"
#include "config/document_policy.h"
#include "config/document_resolving.h"
#include "config/document_routing.h"
#include "config/document_seeing.h"
#include "config/document_serving.h"
#include "config/document_streams.h"
#include "config/document_tracing.h"
#include "config/document_upstreams.h"
#include "config/document_vips.h"

// The document as plain values, checked: every name resolves, every address and
// port is in range, defaults are filled in. Only `bind`, `main`, the command line and tests
// include this; the cores never see it.
namespace hearth::config {

// Where a node is on one of the home's networks.
struct Link {
    IpAddress address;      // inside `lan`
    std::string interface;  // empty: the one that carries `address`
};

// One of the machines that run Hearth.
struct Node {
    std::string name;
    IpAddress address;  // inside `lan`
    std::string interface;
    std::vector<Link> links;  // on other networks of `lan`, for VIPs there

    [[nodiscard]] std::vector<Link> all_links() const;  // its own address first
    [[nodiscard]] bool has(const IpAddress& some) const;
};

enum class UpstreamProtocol { kUdp, kTcp, kTls, kHttps, kRecursive };

// Who a question goes to.
struct Upstream {
    UpstreamProtocol protocol = UpstreamProtocol::kUdp;
    Endpoint endpoint;              // none with kRecursive
    std::string host;               // with kTls and kHttps: whose certificate it must show
    std::string path;               // with kHttps
    std::string name;               // whose address dns.bootstrap tells; empty: the endpoint has it
    std::vector<std::string> pins;  // SHA-256 of keys, 32 octets each (RFC 7858 §4.2)
    std::string text;               // as written, for people
};

// In which order several are asked.
enum class UpstreamStrategy { kFastest, kStrict, kParallel };

// Questions at or under `zones` go to `to` instead of the upstreams. When `zones` holds the
// document's own domain, names the document does not know go there too; without
// that they are NXDOMAIN.
struct ForwardZone {
    std::vector<Name> zones;
    std::vector<Upstream> to;
    UpstreamStrategy strategy = UpstreamStrategy::kFastest;
};

struct Dns {
    std::string vip;               // empty: node addresses (or `listen`) only
    std::vector<Endpoint> listen;  // when not empty, replaces VIP and node addresses on port 53
    DnsTls tls;
    std::vector<Endpoint> listen_tls;    // the same for port 853; both only with a certificate
    std::vector<Endpoint> listen_https;  // the same for `https`
    std::uint16_t https = 8443;
    RateLimit rate_limit;
    std::vector<Upstream> upstreams;
    UpstreamStrategy strategy = UpstreamStrategy::kFastest;
    std::string
        tls_ca;  // PEM file of further authorities for tls and https upstreams; may be empty
    std::vector<Upstream> bootstrap;
    Dnssec dnssec;
    std::string root_hints = "/usr/share/dns/root.hints";
    std::vector<ForwardZone> forward;
    std::vector<LocalRecord> records;
    std::vector<ZoneFile> zones;
    std::vector<std::string> leases;  // DHCP servers' lease files
    std::vector<SuffixRewrite> rewrite;
    // Told to upstreams, but for those of `forward` and `bootstrap`, of everybody's questions (ECS,
    // RFC 7871); nullopt: nothing is.
    std::optional<IpPrefix> client_subnet;
    std::vector<IpPrefix> clients;  // served besides loopback, lan and connected prefixes
    Rebinding rebinding;
    SpecialNames special;
    std::chrono::seconds local_ttl{60};
    std::size_t cache_bytes = 16U << 20;
    std::chrono::seconds min_ttl{0};
    std::chrono::seconds max_ttl{24 * 3600};
    std::chrono::seconds serve_stale{24 * 3600};  // 0: never
    bool prefetch = true;
    std::size_t waiting_bytes = 64U << 20;
    std::size_t query_log_entries = 10'000;
    QueryLogSettings query_log;
    Dnstap dnstap;
    unsigned workers = 0;  // 0: one per core, at most 4
};

enum class BlockListKind { kBlock, kAllow };

struct BlockList {
    std::string name;
    std::string url;   // exactly one of url and file
    std::string file;  // absolute; relative ones were resolved against the document's folder
    BlockListKind kind = BlockListKind::kBlock;
    std::chrono::seconds refresh{};  // 0: as Blocking::refresh says
    std::size_t max_bytes = 0;       // 0: as Blocking::max_list_bytes says
};

// Clients with a policy of their own. What is not given is as for everybody else.
struct ClientGroup {
    std::string name;
    std::vector<ClientMatch> clients;
    std::vector<std::string> interfaces;
    std::optional<std::vector<std::string>> lists;  // those of blocking.lists that hold here
    std::vector<NameRule> allow;
    std::vector<NameRule> deny;
    std::vector<std::size_t> block;  // of blockable_services()
    std::vector<Upstream> upstreams;
    std::optional<BlockAnswer> answer;
    std::optional<IpAddress> answer_address;  // with kAddress
    std::vector<SearchEngine> safe_search;
    std::string time_zone;  // of the schedule; empty: the machine's
    std::vector<Schedule> schedule;
};

struct Blocking {
    bool enabled = true;
    BlockAnswer answer = BlockAnswer::kZero;
    std::optional<IpAddress> answer_address;  // with kAddress
    std::chrono::seconds ttl{10};
    std::vector<BlockList> lists;
    std::vector<NameRule> allow;
    std::vector<NameRule> deny;
    std::vector<std::size_t> block;  // of blockable_services()
    std::vector<ClientGroup> groups;
    std::chrono::seconds refresh{24 * 3600};
    std::size_t max_list_bytes = 128U << 20;

    [[nodiscard]] const ClientGroup* find_group(std::string_view name) const noexcept;
};

// The proxy's lines on standard output, or entries of the journal, one for each request.
enum class AccessLog { kOff, kText, kJson, kJournal, kCombined };

// A certificate with its chain, and its key: PEM files, absolute paths.
struct TlsCertificate {
    std::string certificate;
    std::string key;
};

// What a TLS client gets that asks for a name no certificate has.
enum class UnknownTlsName { kRefuse, kFirst, kPage };

struct ProxyTls {
    std::vector<TlsCertificate> certificates;
    bool local_ca = true;  // names that no certificate above has get one of hearth-certs
    UnknownTlsName unknown_name = UnknownTlsName::kRefuse;
};

// The fields in which trusted proxies tell about their clients.
enum class TrustedHeader { kXForwarded, kForwarded };

struct Proxy {
    std::string vip;
    std::vector<Endpoint> listen;  // when not empty, replaces VIP and node addresses on `http`
    std::uint16_t http = 80;
    std::vector<Endpoint> listen_https;  // the same for `https`; both only with certificates
    std::uint16_t https = 443;
    ProxyTls tls;
    std::vector<IpPrefix> trusted_proxies;  // believed what they say of their clients
    TrustedHeader trusted_header = TrustedHeader::kXForwarded;
    std::vector<IpPrefix> proxy_protocol_from;  // their connections begin with a PROXY header
    std::string default_service;  // gets requests for unknown hosts; empty: they are 404
    std::size_t max_connections = 4096;
    unsigned workers = 0;  // 0: one per core, at most 4
    AccessLog access_log = AccessLog::kOff;
    std::vector<ErrorPageFile> error_pages;  // of all services; narrower ones first
    std::optional<Tracing> tracing;          // none: traceparent is a field like any other

    // With `listen` alone nothing says where HTTPS would be; it never opens more than was asked
    // for.
    [[nodiscard]] bool serves_https() const noexcept {
        return (tls.local_ca || !tls.certificates.empty()) &&
               (listen.empty() || !listen_https.empty());
    }
};

// "http://pi5:2283": a node's name, a literal address or a resolvable host name; or
// "unix:/run/app.sock" and "h2c+unix:/run/app.sock", which are kHttp and kH2c. The last three are
// passed on without a look inside.
enum class UpstreamScheme { kHttp, kHttps, kH2c, kTls, kTcp, kUdp };

struct HttpUpstream {
    std::string host;  // as written; node names were replaced by their address in `address`
    std::optional<IpAddress> address;
    std::uint16_t port = 80;
    std::string text;  // as written
    unsigned weight = 1;
    UpstreamScheme scheme = UpstreamScheme::kHttp;
    bool verify = true;         // https: its certificate
    std::string ca_file{};      // https: PEM; empty: the system's authorities
    std::string socket_path{};  // absolute; of a Unix socket, instead of host and port
};

// Whether plain HTTP requests are sent to HTTPS when a certificate has the service's name.
enum class HttpsUse { kRequired, kOptional };

// Reached through the proxy (`upstreams`), or at `ports` of an address of its own (`vip`).
struct Service {
    std::string name;                  // a host label; served as NAME and NAME.domain
    std::vector<std::string> aliases;  // further host labels
    std::vector<HttpUpstream> upstreams;
    HttpsUse https = HttpsUse::kRequired;
    ProxyProtocol send_proxy_protocol = ProxyProtocol::kNone;
    bool send_forwarded = false;
    std::vector<std::string> hosts;  // further full names, "*.apps.home" for all under it
    std::string under;               // a service some of whose paths are this one's …
    std::vector<PathRule> paths;     // … namely these
    bool strip_prefix = false;
    std::string replace_prefix;  // empty: it is not replaced
    Redirect redirect;
    HeaderEdits request_headers;
    HeaderEdits response_headers;
    std::vector<Middleware> middleware;
    std::vector<ErrorPageFile> error_pages;  // before those of the proxy
    HealthCheck health;
    RequestLimit limit;
    std::string sticky;  // a cookie's name; empty: none
    std::chrono::milliseconds slow_start{0};
    std::string vip;  // where its ports are: a VIP, which complete() adds when it is new
    // As written, then those of `vip` in whose families it has backends; none while a pool has not
    // given any.
    std::vector<IpAddress> addresses;
    std::optional<PoolRequest> request;  // for an address of its own
    std::vector<ServicePort> ports;
    Balance balance = Balance::kRandom;
    std::chrono::seconds affinity{0};  // 0: none
    std::vector<IpPrefix> allow;       // empty: everybody
    bool keep_client_address = false;
    BackendCheck check;
    StreamSettings stream;
    ClientCertificates client_certificates;
    std::string app;                         // one of apps(), or empty
    std::chrono::seconds answer_timeout{0};  // 0: as ever

    // Found at the proxy's addresses.
    [[nodiscard]] bool is_proxied() const noexcept {
        return !upstreams.empty() || !redirect.to.empty();
    }
    // What its upstreams get is not looked into. All of them are of one kind.
    [[nodiscard]] bool is_stream() const noexcept {
        return !upstreams.empty() && upstreams.front().scheme >= UpstreamScheme::kTls;
    }
    // It answers requests.
    [[nodiscard]] bool is_http() const noexcept { return is_proxied() && !is_stream(); }
};

// The authenticated connection between the nodes' hearth-lb (TLS 1.3 with a pre-shared key).
struct Peers {
    std::uint16_t port = 7531;
    std::string key_file = "/etc/hearth/peer.key";  // 32 octets as 64 hexadecimal digits, mode 0600
};

// Under the domain, the name of Hearth's own pages.
inline constexpr std::string_view kOwnLabel = "hearth";

struct Document {
    Name domain = *Name::parse("home");
    std::vector<IpPrefix> lan;
    std::vector<Node> nodes;
    std::vector<Pool> pools;
    std::vector<Vip> vips;
    Dns dns;
    Blocking blocking;
    Proxy proxy;
    std::vector<Middleware> middleware;
    std::vector<Service> services;
    Peers peers;
    std::string hash;  // SHA-256 of the files' bytes in reading order, in hexadecimal

    [[nodiscard]] const Node* find_node(std::string_view name) const noexcept;
    [[nodiscard]] const Pool* find_pool(std::string_view name) const noexcept;
    [[nodiscard]] const Vip* find_vip(std::string_view name) const noexcept;
    [[nodiscard]] const Service* find_service(std::string_view name) const noexcept;
};

// What the proxy answers for by full names: its own pages, services, their aliases and hosts. Lower
// case, no wildcards.
[[nodiscard]] std::set<std::string> proxied_names(const Document& document);

// Where `node` speaks for `vip`: its address on the first of the VIP's networks that one of its
// links is on, otherwise its own.
[[nodiscard]] IpAddress address_for(const Document& document, const Node& node, const Vip& vip);
// The network of `lan` that has `address`; null when there is none.
[[nodiscard]] const IpPrefix* network_of(const Document& document, const IpAddress& address);

// Who answers questions over TLS and HTTPS, as certificates and discovery call it.
struct DnsServer {
    Name name;
    std::vector<IpAddress> addresses;
};
// The VIP, which moves with whoever serves it; without one each node.
[[nodiscard]] std::vector<DnsServer> dns_servers(const Document& document);

// Where a tcp or udp service is to be found, of this node (nullptr: of none).
[[nodiscard]] std::vector<Endpoint> stream_endpoints(const Document& document,
                                                     const Service& service, const Node* node);
// Under which the proxy, where services need one, hands DNS over HTTPS on to hearth-dns: its names,
// but for those of services.
[[nodiscard]] std::vector<std::string> doh_names(const Document& document);
// Where it listens for that besides its own addresses: at the name server's VIP, where nobody else
// has the port.
[[nodiscard]] std::vector<Endpoint> doh_listeners(const Document& document);

}  // namespace hearth::config
