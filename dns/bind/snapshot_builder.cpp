#include "dns/bind/snapshot_builder.h"

#include <algorithm>

#include "dns/bind/house_policy.h"
#include "dns/bind/upstream_groups.h"
#include "dns/core/blocklist_hash.h"
#include "dns/core/loop_guard.h"

namespace hearth::dns {
namespace {

constexpr std::uint16_t kDnsPort = 53;

Name under(const config::Document& document, std::string_view label) {
    return document.domain.child(label).value_or(document.domain);
}

}  // namespace

Result<const config::Node*> choose_node(const config::Document& document, std::string_view wanted,
                                        const std::vector<IpAddress>& own) {
    if (!wanted.empty()) {
        if (const auto* node = document.find_node(wanted)) return node;
        return fail(Errc::kNotFound, "--node " + std::string(wanted),
                    "the document has no node of that name");
    }
    for (const auto& node : document.nodes)
        if (std::find(own.begin(), own.end(), node.address) != own.end()) return &node;
    return nullptr;
}

std::vector<Endpoint> listen_endpoints(const config::Document& document, const config::Node* node) {
    if (!document.dns.listen.empty()) return document.dns.listen;
    std::vector<Endpoint> endpoints;
    if (const auto* vip = document.find_vip(document.dns.vip))
        for (const IpAddress& address : vip->addresses) endpoints.push_back({address, kDnsPort});
    if (node != nullptr) endpoints.push_back({node->address, kDnsPort});
    return endpoints;
}

void use_names(Snapshot& snapshot, const HouseNames& names) {
    snapshot.zones = names.zones;
    snapshot.client_names = names.clients;
}

Snapshot build_snapshot(const config::Document& document, const config::Node* node,
                        const HouseNames& names) {
    Snapshot snapshot;
    snapshot.domain = document.domain;
    snapshot.primary = document.domain;
    if (document.find_vip(document.dns.vip) != nullptr) {
        snapshot.primary = under(document, document.dns.vip);
    } else if (node != nullptr) {
        snapshot.primary = under(document, node->name);
    }
    snapshot.local_ttl = static_cast<std::uint32_t>(document.dns.local_ttl.count());
    snapshot.cache.ttl.ttl_floor = static_cast<std::uint32_t>(document.dns.min_ttl.count());
    snapshot.cache.ttl.ttl_cap = static_cast<std::uint32_t>(document.dns.max_ttl.count());
    snapshot.cache.stale_for = document.dns.serve_stale;
    snapshot.cache.prefetch = document.dns.prefetch;

    use_names(snapshot, names);

    const auto& blocking = document.blocking;
    snapshot.blocking.enabled = blocking.enabled;
    if (!blocking.enabled) snapshot.blocking.off_by = "blocking.enabled";
    snapshot.blocking.style = style_of(blocking.answer);
    snapshot.blocking.address = blocking.answer_address;
    snapshot.blocking.ttl = static_cast<std::uint32_t>(blocking.ttl.count());
    snapshot.blocking.allow = rules_of(blocking.allow);
    snapshot.blocking.deny = rules_of(blocking.deny);

    snapshot.groups.push_back(public_group_of(document.dns.upstreams, document.dns));
    for (const auto& forward : document.dns.forward)
        snapshot.groups.push_back(group_of(forward.to, forward.strategy));
    if (document.dns.rebinding.protect)
        snapshot.rebinding_allowed = rules_of(document.dns.rebinding.allow);
    add_group_policies(snapshot, document);
    // The last one: UpstreamNames asks it.
    snapshot.groups.push_back(group_of(document.dns.bootstrap, document.dns.strategy));
    for (const auto& group : snapshot.groups)
        for (const UpstreamServer& server : group.servers)
            if (!is_resolver(server.protocol) && LoopGuard::wants_tag(server.endpoint.address))
                snapshot.home_upstreams.push_back(server.endpoint.address);
    return snapshot;
}

std::vector<IpPrefix> served_clients(const config::Document& document,
                                     const std::vector<IpPrefix>& connected) {
    std::vector<IpPrefix> clients = document.lan;
    clients.insert(clients.end(), document.dns.clients.begin(), document.dns.clients.end());
    clients.insert(clients.end(), connected.begin(), connected.end());
    clients.push_back(*IpPrefix::parse("127.0.0.0/8"));
    clients.push_back(*IpPrefix::parse("::1/128"));
    std::vector<IpPrefix> unique;
    for (const IpPrefix& prefix : clients)
        if (std::find(unique.begin(), unique.end(), prefix) == unique.end())
            unique.push_back(prefix);
    return unique;
}

std::uint64_t house_mark(const config::Document& document) {
    std::string text(as_text(document.domain.wire()));
    for (const IpPrefix& prefix : document.lan) text += prefix.to_string() + " ";
    return siphash13({0x6865617274682d64, 0x6e732d6c6f6f7073}, as_bytes(text));
}

}  // namespace hearth::dns
