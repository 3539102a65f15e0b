#include "lb/bind/plan.h"

#include <algorithm>
#include <map>

#include "lb/bind/balancing.h"

namespace hearth::lb {
namespace {

using config::Document;

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kDnsTlsPort = 853;

Result<const config::Node*> find_self(const Document& document, const std::string& own_name,
                                      const std::vector<IpAddress>& own_addresses) {
    if (!own_name.empty()) {
        const auto* node = document.find_node(own_name);
        if (node == nullptr)
            return fail(Errc::kNotFound, "--node " + own_name, "is not a node of the document");
        return node;
    }
    for (const auto& node : document.nodes) {
        if (std::find(own_addresses.begin(), own_addresses.end(), node.address) !=
            own_addresses.end())
            return &node;
    }
    if (document.vips.empty()) return nullptr;
    return fail(Errc::kNotFound, "nodes",
                "this machine carries the address of none of them: correct `nodes`, or name it "
                "with --node");
}

bool listens_on(const std::vector<Endpoint>& listen, const config::Vip& vip) {
    return std::any_of(listen.begin(), listen.end(),
                       [&](const Endpoint& e) { return vip.has(e.address); });
}

bool serves_dns(const Document& document, const config::Vip& vip) {
    const auto& dns = document.dns;
    return dns.listen.empty() ? dns.vip == vip.name : listens_on(dns.listen, vip);
}

bool serves_proxy(const Document& document, const config::Vip& vip) {
    const auto& proxy = document.proxy;
    return proxy.listen.empty() ? proxy.vip == vip.name : listens_on(proxy.listen, vip);
}

void watch(std::vector<Daemon>& daemons, Daemon daemon) {
    if (std::find(daemons.begin(), daemons.end(), daemon) == daemons.end())
        daemons.push_back(daemon);
}

// Several VIPs under one VRID move together: their daemons count together.
void add_vip(VirtualRouter& router, const Document& document, const config::Vip& vip) {
    for (const auto& address : vip.addresses) router.vips.push_back({vip.name, address, vip.vrid});
    std::sort(router.vips.begin(), router.vips.end(),
              [](const Vip& a, const Vip& b) { return a.address < b.address; });
    if (serves_dns(document, vip)) watch(router.watched, Daemon::kDns);
    if (serves_proxy(document, vip)) watch(router.watched, Daemon::kProxy);
    for (const auto& peer : vip.foreign_peers) {
        if (std::find(router.foreign_peers.begin(), router.foreign_peers.end(), peer) ==
            router.foreign_peers.end())
            router.foreign_peers.push_back(peer);
    }
}

// Two that are asked alike are one; what differs has a name of its own.
std::string subject_of(const config::Track& track) {
    if (!track.is_asked()) return track_name(track.interface);
    return track.subject() + " every " + std::to_string(track.every.count()) + " ms, timeout " +
           std::to_string(track.timeout.count()) + " ms, rise " + std::to_string(track.rise) +
           ", fall " + std::to_string(track.fall);
}

CheckTarget target_of(const config::Track& track, const IpAddress& own) {
    CheckTarget target;
    target.check.kind = track.tcp ? BackendCheck::Kind::kTcp : BackendCheck::Kind::kScript;
    if (track.tcp) target.endpoint = {track.tcp->address.value_or(own), track.tcp->port};
    target.check.script = track.script;
    target.check.interval = track.every;
    target.check.timeout = track.timeout;
    target.check.rise = track.rise;
    target.check.fall = track.fall;
    return target;
}

TrackedTargets tracked_targets(const Document& document, const config::Node& self) {
    TrackedTargets targets;
    for (const auto& vip : document.vips) {
        if (std::ranges::find(vip.prefer, self.name) == vip.prefer.end()) continue;
        for (const auto& track : vip.track)
            if (track.is_asked())
                targets.emplace(subject_of(track), target_of(track, self.address));
    }
    return targets;
}

VirtualRouter make_router(const Document& document, const config::Vip& vip, std::size_t rank,
                          const std::string& self) {
    VirtualRouter router;
    router.vrid = vip.vrid;
    router.priority = priority_of_rank(rank, vip.prefer.size());
    router.interval = vip.advert_interval;
    router.version =
        vip.vrrp_version == config::VrrpVersion::kV2 ? VrrpVersion::kV2 : VrrpVersion::kV3;
    router.preemption = vip.preempt ? Preemption::kAfterDelay : Preemption::kNever;
    router.preempt_delay = vip.preempt_delay;
    router.announce =
        vip.announce == config::Announce::kAddress ? Announce::kAddress : Announce::kReplies;
    router.refresh = vip.refresh;
    router.foreign_adverts =
        vip.foreign_adverts == config::Adverts::kUnicast ? Adverts::kUnicast : Adverts::kMulticast;
    for (const auto& track : vip.track)
        router.tracks.push_back({subject_of(track), static_cast<Priority>(track.lower_by)});
    for (const auto& name : vip.prefer) {
        if (name != self)
            router.nodes.push_back(config::address_for(document, *document.find_node(name), vip));
    }
    return router;
}

// Of VIPs at `here`, this node's address on their network.
std::vector<VirtualRouter> make_routers(const Document& document, const config::Node& self,
                                        const IpAddress& here) {
    std::map<Vrid, VirtualRouter> routers;
    std::map<std::string, Vrid> groups;  // the number of the first VIP stands for all
    for (const auto& vip : document.vips) {
        const auto place = std::find(vip.prefer.begin(), vip.prefer.end(), self.name);
        if (place == vip.prefer.end() || config::address_for(document, self, vip) != here) continue;
        const auto rank = static_cast<std::size_t>(place - vip.prefer.begin());
        const Vrid vrid = vip.sync_group.empty()
                              ? vip.vrid
                              : groups.try_emplace(vip.sync_group, vip.vrid).first->second;
        auto [router, fresh] = routers.try_emplace(vrid);
        if (fresh) router->second = make_router(document, vip, rank, self.name);
        add_vip(router->second, document, vip);
    }
    std::vector<VirtualRouter> list;
    list.reserve(routers.size());
    for (auto& [vrid, router] : routers) list.push_back(std::move(router));
    return list;
}

LinkSettings make_link(const Document& document, const config::Node& self,
                       const config::Link& link) {
    LinkSettings made{link.address, link.interface, make_routers(document, self, link.address), {}};
    for (const auto& vip : document.vips) {
        if (config::address_for(document, self, vip) != link.address) continue;
        for (const auto& node : document.nodes)
            made.others.emplace(node.address, config::address_for(document, node, vip));
    }
    return made;
}

// The endpoints of one daemon on `vip`: from `listen`, or its standard port.
std::vector<std::uint16_t> ports_on(const std::vector<Endpoint>& listen, std::uint16_t standard,
                                    const IpAddress& vip) {
    if (listen.empty()) return {standard};
    std::vector<std::uint16_t> ports;
    for (const auto& endpoint : listen) {
        if (endpoint.address == vip) ports.push_back(endpoint.port);
    }
    return ports;
}

// DNS over TLS and over HTTPS, which hearth-dns serves when it has a certificate.
void open_encrypted_dns(PortRules& rules, const config::Dns& dns, const IpAddress& vip) {
    if (!dns.tls.is_on()) return;
    const auto open = [&](const std::vector<Endpoint>& listen, std::uint16_t standard) {
        if (!dns.listen.empty() && listen.empty()) return;
        for (const auto port : ports_on(listen, standard, vip))
            rules.open.insert({vip, Transport::kTcp, port});
    };
    open(dns.listen_tls, kDnsTlsPort);
    open(dns.listen_https, dns.https);
}

// What the daemons of this node serve on one address of `vip`.
void open_ports(PortRules& rules, const Document& document, const config::Vip& vip,
                const IpAddress& address) {
    if (serves_dns(document, vip)) {
        for (const auto port : ports_on(document.dns.listen, kDnsPort, address)) {
            rules.open.insert({address, Transport::kUdp, port});
            rules.open.insert({address, Transport::kTcp, port});
        }
        open_encrypted_dns(rules, document.dns, address);
    }
    for (const Endpoint& endpoint : config::doh_listeners(document)) {
        if (endpoint.address == address)
            rules.open.insert({address, Transport::kTcp, endpoint.port});
    }
    for (const config::Service& service : document.services) {
        const bool is_udp =
            service.is_stream() && service.upstreams.front().scheme == config::UpstreamScheme::kUdp;
        for (const Endpoint& endpoint : config::stream_endpoints(document, service, nullptr)) {
            if (endpoint.address == address)
                rules.open.insert(
                    {address, is_udp ? Transport::kUdp : Transport::kTcp, endpoint.port});
        }
    }
    if (!serves_proxy(document, vip)) return;
    const auto& proxy = document.proxy;
    for (const auto port : ports_on(proxy.listen, proxy.http, address))
        rules.open.insert({address, Transport::kTcp, port});
    if (!proxy.serves_https()) return;
    for (const auto port : ports_on(proxy.listen_https, proxy.https, address))
        rules.open.insert({address, Transport::kTcp, port});
}

PortRules make_port_rules(const Document& document, const std::string& self) {
    PortRules rules;
    for (const auto& vip : document.vips) {
        if (std::find(vip.prefer.begin(), vip.prefer.end(), self) == vip.prefer.end()) continue;
        for (const auto& address : vip.addresses) {
            rules.vips.insert(address);
            open_ports(rules, document, vip, address);
        }
    }
    return rules;
}

void add_services(Plan& plan, const Document& document) {
    plan.services = make_services(document, plan.ports.vips, *document.find_node(plan.node));
    for (const BalancedService& service : plan.services) {
        const OpenPort& first = service.port;
        for (std::uint32_t port = first.port;
             port <= std::max(first.port, service.balancing.last_port); ++port)
            plan.ports.passing.insert(
                {first.vip, first.transport, static_cast<std::uint16_t>(port)});
        for (const Backend& backend : service.balancing.backends) {
            if (plan.is_own(backend.endpoint.address)) continue;
            (first.vip.is_v4() ? plan.lan.forwarding : plan.lan.forwarding6) =
                LanSettings::Forwarding::kNeeded;
        }
    }
}

}  // namespace

Result<Plan> make_plan(const Document& document, const std::string& own_name,
                       const std::vector<IpAddress>& own_addresses) {
    const auto self = find_self(document, own_name, own_addresses);
    if (!self) return fail(self.error());
    Plan plan;
    plan.domain = document.domain;
    plan.networks = document.lan;
    for (const auto& node : document.nodes) {
        plan.nodes.push_back({node.name, node.address});
        for (const auto& link : node.all_links()) plan.names.emplace(link.address, node.name);
    }
    for (const auto& vip : document.vips)
        for (const auto& address : vip.addresses) plan.vips.push_back({vip.name, address});
    plan.peer_port = document.peers.port;
    plan.peer_key_file = document.peers.key_file;
    plan.hash = document.hash;
    if (*self == nullptr) return plan;
    const config::Node& node = **self;
    plan.node = node.name;
    plan.address = node.address;
    for (const auto& link : node.all_links())
        plan.lan.links.push_back(make_link(document, node, link));
    plan.tracked = tracked_targets(document, node);
    plan.ports = make_port_rules(document, node.name);
    add_services(plan, document);
    if (!plan.services.empty()) plan.lan.backends = Backends::kSome;
    const auto counts = [&](Daemon daemon) {
        return std::ranges::any_of(plan.lan.links, [&](const LinkSettings& link) {
            return std::ranges::any_of(link.routers, [&](const VirtualRouter& router) {
                return std::ranges::find(router.watched, daemon) != router.watched.end();
            });
        });
    };
    if (counts(Daemon::kDns)) {
        const auto& listen = document.dns.listen;
        plan.watched.push_back(
            {Daemon::kDns, listen.empty() ? Endpoint{node.address, kDnsPort} : listen.front()});
    }
    if (counts(Daemon::kProxy)) plan.watched.push_back({Daemon::kProxy, std::nullopt});
    return plan;
}

}  // namespace hearth::lb
