#include "dns/bind/serving_plan.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "dns/bind/snapshot_builder.h"
#include "dns/core/doh_request.h"

namespace hearth::dns {
namespace {

constexpr std::uint16_t kTlsPort = 853;
constexpr std::uint16_t kUsualHttpsPort = 443;
constexpr std::uint32_t kSecondsOfBurst = 3;

// SvcParamKeys (RFC 9460 §14.3.2, RFC 9461 §5).
enum class SvcKey : std::uint16_t {
    kAlpn = 1,
    kPort = 3,
    kIpv4Hint = 4,
    kIpv6Hint = 6,
    kDohPath = 7,
};

struct Way {
    std::string_view alpn;
    std::uint16_t usual_port = 0;
    std::uint16_t port = 0;
    bool is_https = false;
};

void begin(ByteWriter& out, SvcKey key, std::size_t size) {
    out.u16(static_cast<std::uint16_t>(key));
    out.u16(static_cast<std::uint16_t>(size));
}

void hints(ByteWriter& out, SvcKey key, const std::vector<IpAddress>& addresses, IpFamily family) {
    std::size_t size = 0;
    for (const IpAddress& address : addresses)
        if (address.family() == family) size += address.bytes().size();
    if (size == 0) return;
    begin(out, key, size);
    for (const IpAddress& address : addresses)
        if (address.family() == family) out.bytes(address.bytes());
}

// Parameters in the order of their numbers (RFC 9460 §2.2).
std::vector<std::uint8_t> service_record(std::uint16_t priority, const config::DnsServer& server,
                                         const Way& way) {
    std::array<std::uint8_t, 1024> buffer{};
    ByteWriter out(buffer);
    out.u16(priority);
    out.bytes(server.name.wire());
    begin(out, SvcKey::kAlpn, way.alpn.size() + 1);
    out.u8(static_cast<std::uint8_t>(way.alpn.size()));
    out.bytes(as_bytes(way.alpn));
    if (way.port != way.usual_port) {
        begin(out, SvcKey::kPort, 2);
        out.u16(way.port);
    }
    hints(out, SvcKey::kIpv4Hint, server.addresses, IpFamily::kV4);
    hints(out, SvcKey::kIpv6Hint, server.addresses, IpFamily::kV6);
    if (way.is_https) {
        static constexpr std::string_view kVariable = "{?dns}";
        begin(out, SvcKey::kDohPath, kDohPath.size() + kVariable.size());
        out.bytes(as_bytes(kDohPath));
        out.bytes(as_bytes(kVariable));
    }
    const ByteView written = out.written();
    return {written.begin(), written.end()};
}

std::vector<ListenAddress> addresses_for(const config::Document& document, const config::Node* node,
                                         const std::vector<Endpoint>& listen, std::uint16_t port,
                                         Serves serves) {
    std::vector<ListenAddress> all;
    for (const Endpoint& endpoint : listen) all.push_back({endpoint, serves});
    if (!listen.empty() || !document.dns.listen.empty()) return all;
    for (const Endpoint& endpoint : listen_endpoints(document, node))
        all.push_back({{endpoint.address, port}, serves});
    return all;
}

std::vector<Way> ways_of(const config::Document& document) {
    const config::Dns& dns = document.dns;
    std::vector<Way> ways;
    if (serves_tls(document))
        ways.push_back({"dot", kTlsPort,
                        dns.listen_tls.empty() ? kTlsPort : dns.listen_tls.front().port, false});
    if (serves_https(document))
        ways.push_back({"h2", kUsualHttpsPort,
                        dns.listen_https.empty() ? dns.https : dns.listen_https.front().port,
                        true});
    return ways;
}

RateLimiter::Rules rules_of(const config::RateLimit& limit) {
    RateLimiter::Rules rules;
    rules.questions_per_second = limit.queries_per_second;
    rules.burst = limit.burst > 0 ? limit.burst : limit.queries_per_second * kSecondsOfBurst;
    rules.exempt = limit.exempt;
    switch (limit.answer) {
        case config::RateLimitAnswer::kTruncate: rules.answer = LimitAnswer::kTruncate; break;
        case config::RateLimitAnswer::kRefused: rules.answer = LimitAnswer::kRefused; break;
        case config::RateLimitAnswer::kDrop: rules.answer = LimitAnswer::kDrop; break;
    }
    return rules;
}

}  // namespace

bool serves_tls(const config::Document& document) noexcept {
    const config::Dns& dns = document.dns;
    return dns.tls.is_on() && (dns.listen.empty() || !dns.listen_tls.empty());
}

bool serves_https(const config::Document& document) noexcept {
    const config::Dns& dns = document.dns;
    return dns.tls.is_on() && (dns.listen.empty() || !dns.listen_https.empty());
}

std::vector<ListenAddress> listen_addresses(const config::Document& document,
                                            const config::Node* node) {
    std::vector<ListenAddress> all;
    for (const Endpoint& endpoint : listen_endpoints(document, node))
        all.push_back({endpoint, Serves::kPlain});
    if (!document.dns.tls.is_on()) return all;
    const config::Dns& dns = document.dns;
    for (const auto& more :
         {addresses_for(document, node, dns.listen_tls, kTlsPort, Serves::kTls),
          addresses_for(document, node, dns.listen_https, dns.https, Serves::kHttps)})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::string certificate_name(const config::Document& document, const config::Node* node) {
    const auto servers = config::dns_servers(document);
    for (const config::DnsServer& server : servers) {
        if (node != nullptr && std::ranges::count(server.addresses, node->address) > 0)
            return server.name.to_string();
    }
    return servers.empty() ? std::string() : servers.front().name.to_string();
}

void add_discovery(LocalZones& zones, const config::Document& document) {
    const auto ways = ways_of(document);
    if (ways.empty()) return;
    const Name resolver = *Name::parse("_dns.resolver.arpa");
    for (const config::DnsServer& server : config::dns_servers(document)) {
        std::uint16_t priority = 1;
        for (const Way& way : ways) {
            const auto rdata = service_record(priority++, server, way);
            zones.add_record(resolver, RrType::kSvcb, rdata);
            if (const auto own = server.name.child("_dns"))
                zones.add_record(*own, RrType::kSvcb, rdata);
        }
    }
}

std::shared_ptr<RateLimiter> make_rate_limiter(const config::RateLimit& limit, SipKey key) {
    if (limit.queries_per_second == 0) return nullptr;
    return std::make_shared<RateLimiter>(rules_of(limit), key);
}

}  // namespace hearth::dns
