#include "dns/bind/snapshot_builder.h"

#include <algorithm>

#include "dns/core/blocklist_hash.h"
#include "dns/core/loop_guard.h"
#include "dns/core/special_names.h"

namespace hearth::dns {
namespace {

constexpr std::uint16_t kDnsPort = 53;

Name under(const config::Document& document, std::string_view label) {
    return document.domain.child(label).value_or(document.domain);
}

bool is_wildcard(const Name& name) { return name.first_label() == "*"; }

// Special names and the networks' reverse zones, then what the document forwards, then the domain:
// each outranks what was there before. A forward zone takes all that is below it, too.
void add_zones(LocalZones& zones, const config::Document& document) {
    add_special_names(zones);
    for (const IpPrefix& prefix : document.lan)
        if (prefix.length() >= 8) zones.add_zone({config::reverse_zone(prefix)});
    for (const auto& forward : document.dns.forward)
        for (const Name& zone : forward.zones) zones.drop_zones_under(zone);
    std::uint32_t group = 1;
    for (const auto& forward : document.dns.forward) {
        for (const Name& zone : forward.zones) zones.add_zone({zone, ZoneKind::kForward, group});
        ++group;
    }
    const Zone* above = zones.zone_of(document.domain);
    const bool is_forwarded = above != nullptr && above->kind == ZoneKind::kForward;
    zones.add_zone({document.domain, is_forwarded ? ZoneKind::kForward : ZoneKind::kAuthoritative,
                    is_forwarded ? above->group : 0});
}

bool reverse_is_ours(const config::Document& document, const IpAddress& address) {
    return address.is_private() ||
           std::any_of(document.lan.begin(), document.lan.end(),
                       [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

void add_host(LocalZones& zones, const config::Document& document, const Name& name,
              const IpAddress& address, std::uint32_t ttl = RecordSet::kHouseTtl) {
    zones.add_address(name, address, ttl);
    if (reverse_is_ours(document, address) && !is_wildcard(name)) zones.add_ptr(address, name, ttl);
}

// Where a service is found: its own VIP, else wherever the proxy listens.
std::vector<IpAddress> service_addresses(const config::Document& document,
                                         const config::Service& service) {
    if (const auto* own = document.find_vip(service.name)) return {own->address};
    std::vector<IpAddress> addresses;
    for (const Endpoint& endpoint : document.proxy.listen)
        if (!endpoint.address.is_unspecified()) addresses.push_back(endpoint.address);
    if (!addresses.empty()) return addresses;
    if (const auto* vip = document.find_vip(document.proxy.vip)) return {vip->address};
    for (const auto& node : document.nodes) addresses.push_back(node.address);
    return addresses;
}

void add_records(LocalZones& zones, const config::Document& document) {
    for (const auto& record : document.dns.records) {
        const std::uint32_t ttl =
            record.ttl ? static_cast<std::uint32_t>(record.ttl->count()) : RecordSet::kHouseTtl;
        if (record.cname) zones.add_cname(record.name, *record.cname, ttl);
        for (const IpAddress& address : record.addresses)
            add_host(zones, document, record.name, address, ttl);
        for (const auto& set : record.others)
            for (const auto& data : set.data)
                zones.add_record(record.name, static_cast<RrType>(set.type), data, ttl);
    }
}

void add_names(LocalZones& zones, const config::Document& document) {
    for (const auto& node : document.nodes)
        add_host(zones, document, under(document, node.name), node.address);
    add_records(zones, document);
    for (const auto& service : document.services) {
        for (const IpAddress& address : service_addresses(document, service)) {
            zones.add_address(under(document, service.name), address);
            for (const auto& alias : service.aliases)
                zones.add_address(under(document, alias), address);
        }
    }
    // A VIP has a name too, unless something else took it.
    for (const auto& vip : document.vips) {
        const Name name = under(document, vip.name);
        if (zones.has_records(name)) {
            if (reverse_is_ours(document, vip.address)) zones.add_ptr(vip.address, name);
        } else {
            add_host(zones, document, name, vip.address);
        }
    }
}

std::shared_ptr<const ClientNames> client_names(const config::Document& document) {
    const auto names = std::make_shared<ClientNames>();
    for (const auto& node : document.nodes)
        names->add(node.address, under(document, node.name), document.domain);
    for (const auto& record : document.dns.records) {
        if (is_wildcard(record.name)) continue;
        for (const IpAddress& address : record.addresses)
            names->add(address, record.name, document.domain);
    }
    return names;
}

std::shared_ptr<const NameRules> rules_of(const std::vector<config::NameRule>& rules) {
    const auto result = std::make_shared<NameRules>();
    for (const auto& rule : rules)
        result->add(rule.name, rule.only_below ? RuleReach::kBelowOnly : RuleReach::kNameAndBelow);
    return result;
}

BlockStyle style_of(config::BlockAnswer answer) {
    switch (answer) {
        case config::BlockAnswer::kZero: return BlockStyle::kZero;
        case config::BlockAnswer::kNxdomain: return BlockStyle::kNxDomain;
        case config::BlockAnswer::kNodata: return BlockStyle::kNoData;
        case config::BlockAnswer::kRefused: return BlockStyle::kRefused;
        case config::BlockAnswer::kAddress: return BlockStyle::kAddress;
    }
    return BlockStyle::kZero;
}

UpstreamGroup group_of(const std::vector<config::Upstream>& upstreams) {
    UpstreamGroup group;
    for (const auto& upstream : upstreams) group.servers.push_back(upstream.endpoint);
    return group;
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
        endpoints.push_back({vip->address, kDnsPort});
    if (node != nullptr) endpoints.push_back({node->address, kDnsPort});
    return endpoints;
}

Snapshot build_snapshot(const config::Document& document, const config::Node* node) {
    Snapshot snapshot;
    snapshot.domain = document.domain;
    snapshot.primary = document.domain;
    if (document.find_vip(document.dns.vip) != nullptr) {
        snapshot.primary = under(document, document.dns.vip);
    } else if (node != nullptr) {
        snapshot.primary = under(document, node->name);
    }
    snapshot.local_ttl = static_cast<std::uint32_t>(document.dns.local_ttl.count());

    const auto zones = std::make_shared<LocalZones>();
    add_zones(*zones, document);
    add_names(*zones, document);
    snapshot.zones = zones;
    snapshot.client_names = client_names(document);

    const auto& blocking = document.blocking;
    snapshot.blocking.enabled = blocking.enabled;
    snapshot.blocking.style = style_of(blocking.answer);
    snapshot.blocking.address = blocking.answer_address;
    snapshot.blocking.ttl = static_cast<std::uint32_t>(blocking.ttl.count());
    snapshot.blocking.allow = rules_of(blocking.allow);
    snapshot.blocking.deny = rules_of(blocking.deny);

    snapshot.groups.push_back(group_of(document.dns.upstreams));
    for (const auto& forward : document.dns.forward)
        snapshot.groups.push_back(group_of(forward.to));
    for (const auto& group : snapshot.groups)
        for (const Endpoint& server : group.servers)
            if (LoopGuard::wants_tag(server.address))
                snapshot.home_upstreams.push_back(server.address);
    return snapshot;
}

void use_image(Snapshot& snapshot, const config::Document& document,
               const std::shared_ptr<const BlockLists>& image) {
    snapshot.blocking.lists = image;
    if (!image) return;
    ListMask active = 0;
    const auto texts = std::make_shared<std::vector<std::string>>();
    const auto& listed = image->set.lists();
    for (std::size_t i = 0; i < listed.size(); ++i) {
        texts->push_back("Blocked by list " + std::string(listed[i].name));
        const bool named =
            std::any_of(document.blocking.lists.begin(), document.blocking.lists.end(),
                        [&](const config::BlockList& list) { return list.name == listed[i].name; });
        if (named) active |= ListMask{1} << i;
    }
    snapshot.blocking.active_lists = active;
    snapshot.blocking.list_texts = texts;
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
