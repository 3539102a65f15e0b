#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "config/check.h"
#include "config/places.h"

// Who listens where, and upstreams of services that lead back to where the proxy listens.
namespace hearth::config {
namespace {

// The addresses a room serves: `listen`, or its VIP and every node at `port`.
std::vector<Listener> listeners_of(const CheckContext& context, std::string_view room,
                                   std::string_view key, const std::string& vip,
                                   const std::vector<Endpoint>& listen, std::uint16_t port,
                                   Span port_place) {
    std::vector<Listener> all;
    const std::string what(room);
    for (std::size_t i = 0; i < listen.size(); ++i)
        all.push_back({listen[i], what, item_place(context.root, {room, key}, i)});
    if (!listen.empty()) return all;
    if (const Vip* one = context.document.find_vip(vip))
        for (const IpAddress& address : one->addresses)
            all.push_back({{address, port}, what, port_place});
    for (const Node& node : context.document.nodes)
        all.push_back({{node.address, port}, what, port_place});
    return all;
}

// Ports of services that are passed on.
std::vector<Listener> stream_listeners(const CheckContext& context) {
    std::set<Listener, decltype([](const Listener& a, const Listener& b) {
                 return std::tie(a.what, a.endpoint) < std::tie(b.what, b.endpoint);
             })>
        all;
    const Document& document = context.document;
    for (const Service& service : document.services) {
        if (!service.is_stream()) continue;
        const bool is_udp = service.upstreams.front().scheme == UpstreamScheme::kUdp;
        const Span place = place_of(context.root, {"services", service.name, "listen"});
        const auto add = [&](const Node* node) {
            for (const Endpoint& endpoint : stream_endpoints(document, service, node))
                all.insert({endpoint, "service " + service.name, place,
                            is_udp ? Transport::kUdp : Transport::kTcp});
        };
        add(nullptr);
        for (const Node& node : document.nodes) add(&node);
    }
    return {all.begin(), all.end()};
}

std::vector<Listener> proxy_listeners(const CheckContext& context) {
    const Proxy& proxy = context.document.proxy;
    auto all = listeners_of(context, "proxy", "listen", proxy.vip, proxy.listen, proxy.http,
                            place_of(context.root, {"proxy", "http"}));
    for (Listener& one : all) one.transport = Transport::kTcp;
    if (!proxy.serves_https()) return all;
    auto secure = listeners_of(context, "proxy", "listen_https", proxy.vip, proxy.listen_https,
                               proxy.https, place_of(context.root, {"proxy", "https"}));
    for (Listener& one : secure) one.transport = Transport::kTcp;
    all.insert(all.end(), secure.begin(), secure.end());
    const Span place = place_of(context.root, {"proxy", "https"});
    for (const Endpoint& endpoint : doh_listeners(context.document))
        all.push_back({endpoint, "proxy", place, Transport::kTcp});
    return all;
}

std::vector<Listener> dns_listeners(const CheckContext& context) {
    const Dns& dns = context.document.dns;
    auto all = listeners_of(context, "dns", "listen", dns.vip, dns.listen, 53,
                            place_of(context.root, {"dns"}));
    if (!dns.tls.is_on()) return all;
    const auto add = [&](std::string_view key, const std::vector<Endpoint>& listen,
                         std::uint16_t port) {
        if (!dns.listen.empty() && listen.empty()) return;
        const auto more = listeners_of(context, "dns", key, dns.vip, listen, port,
                                       place_of(context.root, {"dns", "tls"}));
        all.insert(all.end(), more.begin(), more.end());
    };
    add("listen_tls", dns.listen_tls, 853);
    add("listen_https", dns.listen_https, dns.https);
    return all;
}

std::vector<Listener> peer_listeners(const CheckContext& context) {
    std::vector<Listener> all;
    const Span place = place_of(context.root, {"peers", "port"});
    for (const Node& node : context.document.nodes) {
        if (context.document.nodes.size() > 1)
            all.push_back(
                {{node.address, context.document.peers.port}, "peers", place, Transport::kTcp});
    }
    return all;
}

void check_listen(CheckContext& context, std::string_view room, std::string_view key,
                  const std::string& vip, const std::vector<Endpoint>& listen) {
    for (std::size_t i = 0; i < listen.size(); ++i) {
        const IpAddress& address = listen[i].address;
        const Span place = item_place(context.root, {room, key}, i);
        if (address.is_unspecified())
            context.diagnostics.error(place,
                                      "listen names an address of this machine; a wildcard would "
                                      "take the port from every other program");
        if (address.is_multicast())
            context.diagnostics.error(place, address.to_string() + " is a multicast address");
    }
    if (!listen.empty() && !vip.empty())
        context.diagnostics.warning(place_of(context.root, {room, "vip"}),
                                    std::string(room) + "." + std::string(key) +
                                        " replaces the VIP: nothing will listen on it");
}

void check_clashes(CheckContext& context, const std::vector<Listener>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (all[i].endpoint != all[j].endpoint) continue;
            if (all[i].transport && all[j].transport && all[i].transport != all[j].transport)
                continue;
            // What stands in the file is the better place than what is there by default.
            const bool is_default = all[i].place.file == context.root.span.file &&
                                    all[i].place.offset == context.root.span.offset;
            const Span place = is_default ? all[j].place : all[i].place;
            const Span other = is_default ? all[i].place : all[j].place;
            context.diagnostics
                .error(place, all[i].what + " would listen on " + all[i].endpoint.to_string() +
                                  ", where " +
                                  (all[i].what == all[j].what ? "it listens already"
                                                              : all[j].what + " listens"))
                .notes.push_back(context.diagnostics.note(
                    other, (is_default ? all[i] : all[j]).what + " is here"));
            return;
        }
    }
}

void check_upstream(CheckContext& context, const Service& service, std::size_t index,
                    const std::vector<Listener>& proxy) {
    const HttpUpstream& upstream = service.upstreams[index];
    const bool is_single =
        value_at(context.root, {"services", service.name, "upstreams"}) == nullptr;
    const Span place =
        is_single ? place_of(context.root, {"services", service.name, "upstream"})
                  : item_place(context.root, {"services", service.name, "upstreams"}, index);
    for (std::size_t i = 0; i < index; ++i) {
        if (service.upstreams[i].host == upstream.host &&
            service.upstreams[i].port == upstream.port)
            context.diagnostics.error(place, upstream.text + " is written twice");
    }
    for (const Listener& listener : proxy) {
        if (!upstream.address || Endpoint{*upstream.address, upstream.port} != listener.endpoint)
            continue;
        context.diagnostics.error(
            place, upstream.text + " is the proxy itself; requests would go round in circles");
        return;
    }
    const auto name = Name::parse(upstream.host);
    if (upstream.address || !name || !name->is_at_or_under(context.document.domain)) return;
    context.diagnostics.error(place, upstream.host +
                                         " is neither a node nor an address record of this "
                                         "document; write the machine's address");
}

}  // namespace

void check_ports(CheckContext& context) {
    const Document& document = context.document;
    check_listen(context, "dns", "listen", document.dns.vip, document.dns.listen);
    check_listen(context, "dns", "listen_tls", document.dns.vip, document.dns.listen_tls);
    check_listen(context, "dns", "listen_https", document.dns.vip, document.dns.listen_https);
    check_listen(context, "proxy", "listen", document.proxy.vip, document.proxy.listen);
    check_listen(context, "proxy", "listen_https", document.proxy.vip, document.proxy.listen_https);
    std::vector<Listener> all = dns_listeners(context);
    for (const Listener& one : proxy_listeners(context)) all.push_back(one);
    for (const Listener& one : peer_listeners(context)) all.push_back(one);
    for (const Listener& one : stream_listeners(context)) all.push_back(one);
    check_clashes(context, all);
}

void check_services(CheckContext& context) {
    auto proxy = proxy_listeners(context);
    const auto streams = stream_listeners(context);
    proxy.insert(proxy.end(), streams.begin(), streams.end());
    std::vector<Listener> local = dns_listeners(context);
    local.insert(local.end(), proxy.begin(), proxy.end());
    for (const Service& service : context.document.services) {
        for (std::size_t i = 0; i < service.upstreams.size(); ++i)
            check_upstream(context, service, i, proxy);
    }
    check_balancing(context, local);
}

}  // namespace hearth::config
