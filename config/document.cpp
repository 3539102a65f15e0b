#include "config/document.h"

#include <algorithm>

#include "base/ascii.h"

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

std::vector<Link> Node::all_links() const {
    std::vector<Link> all{{address, interface}};
    all.insert(all.end(), links.begin(), links.end());
    return all;
}

bool Node::has(const IpAddress& some) const {
    return some == address ||
           std::ranges::any_of(links, [&](const Link& link) { return link.address == some; });
}

const IpPrefix* network_of(const Document& document, const IpAddress& address) {
    const auto found = std::ranges::find_if(
        document.lan, [&](const IpPrefix& network) { return network.contains(address); });
    return found == document.lan.end() ? nullptr : &*found;
}

IpAddress address_for(const Document& document, const Node& node, const Vip& vip) {
    for (const IpAddress& address : vip.addresses) {
        const IpPrefix* network = network_of(document, address);
        if (network == nullptr) continue;
        for (const Link& link : node.all_links())
            if (network->contains(link.address)) return link.address;
    }
    return node.address;
}

std::string Track::Port::to_string() const {
    return address ? Endpoint{*address, port}.to_string() : std::to_string(port);
}

std::string Track::subject() const {
    if (tcp) return "tcp " + tcp->to_string();
    return script.empty() ? "interface " + interface : "script " + script;
}

bool Vip::has(const IpAddress& address) const noexcept {
    return std::ranges::find(addresses, address) != addresses.end();
}

bool Vip::moves_like(const Vip& other) const noexcept {
    return prefer == other.prefer && vrrp_version == other.vrrp_version &&
           advert_interval == other.advert_interval && preempt == other.preempt &&
           preempt_delay == other.preempt_delay && sync_group == other.sync_group &&
           track == other.track && announce == other.announce && refresh == other.refresh &&
           foreign_peers == other.foreign_peers && foreign_adverts == other.foreign_adverts;
}

const Pool* Document::find_pool(std::string_view name) const noexcept {
    return find_by_name(pools, name);
}

const Vip* Document::find_vip(std::string_view name) const noexcept {
    return find_by_name(vips, name);
}

const Service* Document::find_service(std::string_view name) const noexcept {
    return find_by_name(services, name);
}

namespace {

// Of services that answer requests, and of our own pages.
std::set<std::string> names_of_pages(const Document& document) {
    const std::string domain = "." + document.domain.to_string();
    std::set<std::string> names{std::string(kOwnLabel) + domain};
    const auto add = [&](const std::string& name) {
        if (!name.starts_with('*')) names.insert(lower_case(name));
    };
    for (const Service& service : document.services) {
        if (!service.is_http()) continue;
        add(service.name + domain);
        for (const std::string& alias : service.aliases) add(alias + domain);
        for (const std::string& host : service.hosts) add(host);
    }
    return names;
}

bool has_port(const Service& service, const IpAddress& address, std::uint16_t port) {
    const bool is_here = std::ranges::find(service.addresses, address) != service.addresses.end();
    return is_here && std::ranges::any_of(service.ports, [&](const auto& one) {
               return one.port <= port && port <= std::max(one.port, one.last_port);
           });
}

}  // namespace

std::set<std::string> proxied_names(const Document& document) {
    std::set<std::string> names = names_of_pages(document);
    for (std::string& name : doh_names(document)) names.insert(std::move(name));
    return names;
}

std::vector<std::string> doh_names(const Document& document) {
    std::vector<std::string> names;
    const bool has_proxy = std::ranges::any_of(
        document.services, [](const Service& service) { return service.is_proxied(); });
    if (!document.proxy.serves_https() || !has_proxy) return names;
    const auto taken = names_of_pages(document);
    for (const DnsServer& server : dns_servers(document)) {
        const std::string name = lower_case(server.name.to_string());
        const bool is_service = std::ranges::any_of(document.services, [&](const Service& one) {
            return document.domain.child(one.name) == server.name;
        });
        if (!is_service && !taken.contains(name) && std::ranges::find(names, name) == names.end())
            names.push_back(name);
    }
    return names;
}

std::vector<Endpoint> doh_listeners(const Document& document) {
    std::vector<Endpoint> all;
    const Proxy& proxy = document.proxy;
    const Vip* vip = document.find_vip(document.dns.vip);
    const bool is_own = vip != nullptr && proxy.vip == vip->name;
    const bool is_there = document.dns.tls.is_on() && document.dns.listen_https.empty() &&
                          document.dns.https == proxy.https;
    if (vip == nullptr || is_own || is_there || !proxy.listen_https.empty() ||
        !document.dns.listen.empty() || doh_names(document).empty())
        return all;
    for (const IpAddress& address : vip->addresses) {
        const Endpoint here{address, proxy.https};
        const bool is_taken =
            std::ranges::any_of(
                document.services,
                [&](const Service& one) { return has_port(one, address, here.port); }) ||
            std::ranges::find(document.dns.listen_https, here) != document.dns.listen_https.end();
        if (!is_taken) all.push_back(here);
    }
    return all;
}

std::vector<Endpoint> stream_endpoints(const Document& document, const Service& service,
                                       const Node* node) {
    const Proxy& proxy = document.proxy;
    std::vector<IpAddress> ours;
    for (const Endpoint& endpoint : proxy.listen) ours.push_back(endpoint.address);
    if (proxy.listen.empty()) {
        if (node != nullptr) ours.push_back(node->address);
        if (const Vip* vip = document.find_vip(proxy.vip))
            ours.insert(ours.end(), vip->addresses.begin(), vip->addresses.end());
    }
    std::set<Endpoint> all;
    for (const StreamListen& one : service.stream.listen) {
        if (one.address) all.insert({*one.address, one.port});
        for (const IpAddress& address : ours) {
            if (!one.address) all.insert({address, one.port});
        }
    }
    return {all.begin(), all.end()};
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
