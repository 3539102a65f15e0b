#include <algorithm>
#include <map>
#include <set>

#include "config/check.h"
#include "config/completion.h"
#include "config/use_assignments.h"

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

bool has_backend(const Service& service, IpFamily family) {
    return std::ranges::any_of(service.ports, [&](const ServicePort& port) {
        return std::ranges::any_of(port.backends, [&](const PortBackend& backend) {
            return backend.endpoint.address.family() == family;
        });
    });
}

// Every service with ports has a VIP, if need be one of its own.
void add_own_vips(Document& document) {
    for (Service& service : document.services) {
        if (service.ports.empty() || !service.vip.empty()) continue;
        service.vip = service.name;
        for (const Vip& vip : document.vips)
            if (!service.addresses.empty() && vip.has(service.addresses.front()))
                service.vip = vip.name;
        if (document.find_vip(service.vip) != nullptr) continue;
        Vip own;
        own.name = service.name;
        own.addresses = service.addresses;
        own.request = service.request;
        if (service.keep_client_address) own.prefer = nodes_behind(document, service);
        own.spread = own.request && own.prefer.empty();
        document.vips.push_back(std::move(own));
    }
}

// Nobody reaches a backend of the other family.
void choose_families(const Document& document, Vip& vip) {
    for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
        const bool is_needed = std::ranges::any_of(document.services, [&](const Service& service) {
            return service.vip == vip.name && has_backend(service, family);
        });
        if (is_needed) vip.families.push_back(family);
    }
    if (vip.families.empty() && !document.nodes.empty())
        vip.families.push_back(document.nodes.front().address.family());
}

std::uint8_t default_number(const Vip& vip) {
    const std::uint8_t last = vip.addresses.front().bytes().back();
    return last == 0 ? 255 : last;
}

}  // namespace

void number_vips(Document& document) {
    std::set<std::uint8_t> taken;
    for (Vip& vip : document.vips) {
        if (vip.vrid == 0 && !vip.request) vip.vrid = default_number(vip);
        if (vip.vrid != 0) taken.insert(vip.vrid);
    }
    std::vector<Vip*> others;
    for (Vip& vip : document.vips)
        if (vip.vrid == 0 && !vip.addresses.empty()) others.push_back(&vip);
    std::ranges::sort(others, {}, [](const Vip* vip) { return vip->addresses.front(); });
    for (Vip* vip : others) {
        vip->vrid = default_number(*vip);
        for (int left = 254; left > 0 && taken.contains(vip->vrid); --left)
            vip->vrid = vip->vrid == 255 ? 1 : static_cast<std::uint8_t>(vip->vrid + 1);
        taken.insert(vip->vrid);
    }
}

void address_services(Document& document) {
    for (Service& service : document.services) {
        const Vip* vip = document.find_vip(service.vip);
        if (vip == nullptr || !service.addresses.empty()) continue;
        for (const IpAddress& address : vip->addresses)
            if (has_backend(service, address.family())) service.addresses.push_back(address);
    }
}

void use_assignments(Document& document, const std::vector<AssignedAddress>& assigned) {
    for (Vip& vip : document.vips) {
        if (!vip.request) continue;
        for (const AssignedAddress& one : assigned)
            if (one.vip == vip.name &&
                std::ranges::find(vip.families, one.address.family()) != vip.families.end())
                vip.addresses.push_back(one.address);
        std::ranges::sort(vip.addresses);
    }
    std::erase_if(document.vips, [](const Vip& vip) { return vip.addresses.empty(); });
    number_vips(document);
    address_services(document);
}

void complete(Document& document) {
    add_own_vips(document);
    for (Vip& vip : document.vips) {
        if (vip.request) choose_families(document, vip);
        if (!vip.prefer.empty()) continue;
        for (const Node& node : document.nodes) vip.prefer.push_back(node.name);
    }
    spread_vips(document);
    number_vips(document);
    address_services(document);
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
