#include <algorithm>
#include <map>

#include "config/check.h"

namespace hearth::config {
namespace {

// Names under the domain whose address the document gives.
std::map<Name, IpAddress> local_addresses(const Document& document) {
    std::map<Name, IpAddress> addresses;
    for (const Node& node : document.nodes) {
        if (const auto name = document.domain.child(node.name))
            addresses.emplace(*name, node.address);
    }
    for (const LocalRecord& record : document.dns.records) {
        if (!record.addresses.empty()) addresses.emplace(record.name, record.addresses.front());
    }
    return addresses;
}

// The nodes that answer for the service themselves.
std::vector<std::string> nodes_behind(const Document& document, const Service& service) {
    std::vector<std::string> names;
    for (const Node& node : document.nodes) {
        const auto is_here = [&](const PortBackend& backend) {
            return backend.endpoint.address == node.address;
        };
        if (std::ranges::any_of(service.ports, [&](const ServicePort& port) {
                return std::ranges::any_of(port.backends, is_here);
            }))
            names.push_back(node.name);
    }
    return names;
}

}  // namespace

void complete(Document& document) {
    for (const Service& service : document.services) {
        if (!service.vip || document.find_vip(service.name) != nullptr) continue;
        const bool is_known = std::ranges::any_of(
            document.vips, [&](const Vip& vip) { return vip.has(*service.vip); });
        if (is_known) continue;
        Vip own;
        own.name = service.name;
        own.addresses = {*service.vip};
        if (service.keep_client_address) own.prefer = nodes_behind(document, service);
        document.vips.push_back(std::move(own));
    }
    for (Vip& vip : document.vips) {
        if (vip.prefer.empty()) {
            for (const Node& node : document.nodes) vip.prefer.push_back(node.name);
        }
        const auto last = vip.addresses.front().bytes().back();
        if (vip.vrid == 0) vip.vrid = last == 0 ? 255 : last;
    }
    const auto addresses = local_addresses(document);
    for (Service& service : document.services) {
        for (HttpUpstream& upstream : service.upstreams) {
            if (upstream.address) continue;
            const auto name = Name::parse(upstream.host);
            const auto found = name ? addresses.find(*name) : addresses.end();
            if (found != addresses.end()) upstream.address = found->second;
        }
    }
}

}  // namespace hearth::config
