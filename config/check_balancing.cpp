#include <algorithm>
#include <string>

#include "config/check.h"
#include "config/places.h"

// Services on ports of a VIP: who answers there, and that nobody else has the port.
namespace hearth::config {
namespace {

constexpr std::size_t kMostPorts = 65'536;

std::uint16_t last_of(const ServicePort& port) { return std::max(port.port, port.last_port); }

std::string what_of(const ServicePort& port, const Service& service) {
    return port.name + " of " +
           (service.addresses.empty() ? service.vip : service.addresses.front().to_string());
}

// Of its VIP, also of one that has no address yet.
bool has_family(const Document& document, const Service& service, IpFamily family) {
    const Vip* vip = document.find_vip(service.vip);
    if (vip != nullptr && vip->request)
        return std::ranges::find(vip->families, family) != vip->families.end();
    return std::ranges::any_of(service.addresses,
                               [&](const IpAddress& one) { return one.family() == family; });
}

// Two services that meet at an address.
bool is_together(const Service& a, const Service& b) {
    if (a.vip != b.vip) return false;
    return a.addresses == b.addresses ||
           std::ranges::any_of(a.addresses, [&](const IpAddress& one) {
               return std::ranges::find(b.addresses, one) != b.addresses.end();
           });
}

bool is_node(const Document& document, const IpAddress& address) {
    return std::ranges::any_of(document.nodes,
                               [&](const Node& node) { return node.address == address; });
}

std::string fault_of(const Document& document, const Service& service, const PortBackend& backend) {
    const std::string text = "backend " + backend.endpoint.to_string();
    const IpAddress& address = backend.endpoint.address;
    if (!has_family(document, service, address.family()))
        return text + " and the VIP " +
               (service.addresses.empty() ? service.vip : service.addresses.front().to_string()) +
               " are not of one family: IPv4 does not become IPv6 on the way";
    if (std::ranges::none_of(document.lan,
                             [&](const IpPrefix& lan) { return lan.contains(address); }))
        return text + " is outside lan";
    if (std::ranges::any_of(document.vips, [&](const Vip& vip) { return vip.has(address); }))
        return text + " is a VIP; name the machines behind it";
    if (service.keep_client_address && !is_node(document, address))
        return text + " is no node: with keep_client_address only the VIP's owner can answer";
    return {};
}

void check_backends(CheckContext& context, const Service& service, const ServicePort& port) {
    for (auto one = port.backends.begin(); one != port.backends.end(); ++one) {
        const auto is_same = [&](const PortBackend& other) {
            return other.endpoint == one->endpoint;
        };
        std::string fault = std::any_of(port.backends.begin(), one, is_same)
                                ? one->endpoint.to_string() + " is written twice"
                                : fault_of(context.document, service, *one);
        if (fault.empty()) continue;
        const auto index = static_cast<std::size_t>(one - port.backends.begin());
        context.diagnostics.error(
            item_place(context.root, {"services", service.name, "ports", port.name}, index),
            std::move(fault));
    }
}

bool is_overlapping(const ServicePort& a, const ServicePort& b) {
    return a.transport == b.transport && a.port <= last_of(b) && b.port <= last_of(a);
}

// The port of the VIP is nobody else's.
void check_claims(CheckContext& context, const Service& service, const ServicePort& port,
                  const std::vector<Listener>& listeners) {
    const Span place = place_of(context.root, {"services", service.name, "ports", port.name});
    for (const Listener& listener : listeners) {
        const bool is_here = std::ranges::find(service.addresses, listener.endpoint.address) !=
                             service.addresses.end();
        if (!is_here || listener.endpoint.port < port.port ||
            listener.endpoint.port > last_of(port))
            continue;
        context.diagnostics.error(place, what_of(port, service) + " is where " + listener.what +
                                             " listens; give the service another VIP");
        break;
    }
    for (const Service& other : context.document.services) {
        if (!is_together(other, service)) continue;
        for (const ServicePort& theirs : other.ports) {
            if (&theirs == &port) return;  // the later one is told
            if (!is_overlapping(theirs, port)) continue;
            context.diagnostics.error(place,
                                      what_of(port, service) + " belongs to service " + other.name);
        }
    }
}

void check_check(CheckContext& context, const Service& service) {
    const BackendCheck& check = service.check;
    const bool needs_tcp = check.kind == CheckKind::kTcp || check.kind == CheckKind::kHttp ||
                           check.kind == CheckKind::kHttps;
    if (!needs_tcp || check.port != 0) return;
    for (const ServicePort& port : service.ports) {
        if (port.transport == Transport::kTcp) continue;
        context.diagnostics.error(place_of(context.root, {"services", service.name, "check"}),
                                  "this check speaks TCP and " + port.name +
                                      " does not: say which port to ask, or use dns or script");
        return;
    }
}

void check_allow(CheckContext& context, const Service& service) {
    for (std::size_t i = 0; i < service.allow.size(); ++i) {
        if (has_family(context.document, service, service.allow[i].address().family())) continue;
        context.diagnostics.error(
            item_place(context.root, {"services", service.name, "allow"}, i),
            service.allow[i].to_string() + " and the VIP are not of one family");
    }
}

// With keep_client_address the connections of an owner without a backend are refused.
void check_candidates(CheckContext& context, const Service& service) {
    if (!service.keep_client_address) return;
    const Vip* vip = context.document.find_vip(service.vip);
    if (vip == nullptr) return;
    for (const std::string& name : vip->prefer) {
        const Node* node = context.document.find_node(name);
        const auto is_here = [&](const PortBackend& one) {
            return node != nullptr && one.endpoint.address == node->address;
        };
        for (const ServicePort& port : service.ports) {
            if (std::ranges::any_of(port.backends, is_here)) continue;
            context.diagnostics.warning(place_of(context.root, {"services", service.name}),
                                        "node " + name + " may own the VIP of " +
                                            what_of(port, service) +
                                            " and has no backend there: with "
                                            "keep_client_address nobody answers then");
        }
    }
}

// Each address that a service writes is one of its VIP, and a VIP of its own is not another one.
void check_vip_of(CheckContext& context, const Service& service) {
    const Span place = place_of(context.root, {"services", service.name, "vip"});
    const Vip* vip = context.document.find_vip(service.vip);
    if (vip == nullptr) return;
    const bool is_written = value_at(context.root, {"vips", vip->name}) != nullptr;
    if (service.request && is_written) {
        context.diagnostics.error(place, "there is a VIP " + vip->name + " already: write vip: " +
                                             vip->name + ", or give one of the two another name");
        return;
    }
    const Vip* named = context.document.find_vip(service.name);
    for (const IpAddress& address : service.addresses) {
        if (vip->has(address)) continue;
        context.diagnostics.error(
            place, named == vip
                       ? "VIP " + service.name + " has another address: " +
                             (vip->addresses.empty() ? "one of a pool"
                                                     : vip->addresses.front().to_string())
                       : address.to_string() + " is no address of VIP " + vip->name + ", which " +
                             service.addresses.front().to_string() + " belongs to");
        return;
    }
    if (named == nullptr || named == vip) return;
    context.diagnostics.error(
        place,
        "VIP " + service.name + " has another address: " +
            (named->addresses.empty() ? "one of a pool" : named->addresses.front().to_string()));
}

}  // namespace

void check_balancing(CheckContext& context, const std::vector<Listener>& listeners) {
    std::size_t ports = 0;
    for (const Service& service : context.document.services) {
        if (service.ports.empty()) continue;
        check_vip_of(context, service);
        for (const ServicePort& port : service.ports) {
            check_backends(context, service, port);
            check_claims(context, service, port, listeners);
            ports += last_of(port) - port.port + 1U;
        }
        check_check(context, service);
        check_allow(context, service);
        check_candidates(context, service);
    }
    if (ports > kMostPorts)
        context.diagnostics.error(place_of(context.root, {"services"}),
                                  "services have " + std::to_string(ports) +
                                      " ports together; at most " + std::to_string(kMostPorts));
}

}  // namespace hearth::config
