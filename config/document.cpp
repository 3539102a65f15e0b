#include "config/document.h"

#include <algorithm>

namespace hearth::config {
namespace {

template <class T>
const T* find_by_name(const std::vector<T>& items, std::string_view name) noexcept {
    const auto found =
        std::find_if(items.begin(), items.end(), [name](const T& one) { return one.name == name; });
    return found == items.end() ? nullptr : &*found;
}

}  // namespace

Name reverse_zone(const IpPrefix& prefix) {
    Name name = *Name::parse(prefix.address().reverse_name());
    const int bits_per_label = prefix.address().is_v4() ? 8 : 4;
    const int labels = prefix.length() / bits_per_label;
    for (int left = prefix.address().bit_length() / bits_per_label; left > labels; --left)
        name = name.parent();
    return name;
}

const ClientGroup* Blocking::find_group(std::string_view name) const noexcept {
    return find_by_name(groups, name);
}

const Node* Document::find_node(std::string_view name) const noexcept {
    return find_by_name(nodes, name);
}

bool Vip::has(const IpAddress& address) const noexcept {
    return std::ranges::find(addresses, address) != addresses.end();
}

bool Vip::moves_like(const Vip& other) const noexcept {
    return prefer == other.prefer && vrrp_version == other.vrrp_version &&
           advert_interval == other.advert_interval && preempt == other.preempt &&
           preempt_delay == other.preempt_delay && sync_group == other.sync_group &&
           track == other.track && announce == other.announce && refresh == other.refresh &&
           foreign_peers == other.foreign_peers;
}

const Vip* Document::find_vip(std::string_view name) const noexcept {
    return find_by_name(vips, name);
}

const Service* Document::find_service(std::string_view name) const noexcept {
    return find_by_name(services, name);
}

std::set<std::string> proxied_names(const Document& document) {
    const std::string domain = "." + document.domain.to_string();
    std::set<std::string> names{std::string(kOwnLabel) + domain};
    const auto add = [&](std::string name) {
        std::ranges::transform(name, name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        });
        if (!name.starts_with('*')) names.insert(std::move(name));
    };
    for (const Service& service : document.services) {
        if (!service.is_proxied()) continue;
        add(service.name + domain);
        for (const std::string& alias : service.aliases) add(alias + domain);
        for (const std::string& host : service.hosts) add(host);
    }
    return names;
}

std::vector<DnsServer> dns_servers(const Document& document) {
    const auto under = [&](std::string_view label) {
        return document.domain.child(label).value_or(document.domain);
    };
    std::vector<DnsServer> servers;
    if (const auto* vip = document.find_vip(document.dns.vip)) {
        servers.push_back({under(vip->name), vip->addresses});
    } else {
        for (const auto& node : document.nodes)
            servers.push_back({under(node.name), {node.address}});
    }
    if (const auto name = Name::parse(document.dns.tls.name); name && !name->is_root())
        for (DnsServer& server : servers) server.name = *name;
    return servers;
}

}  // namespace hearth::config
