#include "lb/bind/passages.h"

#include <algorithm>
#include <string>

namespace hearth::lb {
namespace {

using firewall::Packet;

std::string port_text(Transport transport, std::uint16_t port) {
    return (transport == Transport::kTcp ? "tcp/" : "udp/") + std::to_string(port);
}

Packet packet_to(const Plan& plan, const IpAddress& destination, Transport transport,
                 std::uint16_t port) {
    Packet packet;
    const auto lan = std::ranges::find_if(
        plan.networks, [&](const IpPrefix& one) { return one.contains(destination); });
    packet.source = lan != plan.networks.end() ? *lan : IpPrefix(destination, 0);
    packet.destination = destination;
    packet.transport = transport;
    packet.port = port;
    return packet;
}

// Where packets to `vip` come in.
IpAddress link_of(const Plan& plan, const IpAddress& vip) {
    for (const LinkSettings& link : plan.lan.links)
        for (const VirtualRouter& router : link.routers)
            if (std::ranges::find(router.vips, vip, &Vip::address) != router.vips.end())
                return link.address;
    return plan.address;
}

void add_daemons(std::vector<Passage>& passages, const Plan& plan) {
    for (const OpenPort& port : plan.ports.open) {
        const bool is_dns = port.port == 53 || port.port == 853;
        const std::string what = port_text(port.transport, port.port);
        Passage passage{(is_dns ? "DNS (" : "the daemons' port (") + what + ")",
                        link_of(plan, port.vip),
                        packet_to(plan, port.vip, port.transport, port.port)};
        if (port.transport == Transport::kTcp && !is_dns) passage.what = "HTTP (" + what + ")";
        passage.packet.state = firewall::ConnectionState::kUntracked;  // port_guard.h
        passages.push_back(std::move(passage));
    }
}

void add_peers(std::vector<Passage>& passages, const Plan& plan) {
    if (plan.nodes.size() < 2) return;
    passages.push_back({"the other nodes (" + port_text(Transport::kTcp, plan.peer_port) + ")",
                        plan.address,
                        packet_to(plan, plan.address, Transport::kTcp, plan.peer_port)});
}

void add_backends(std::vector<Passage>& passages, const Plan& plan) {
    for (const BalancedService& service : plan.services) {
        for (const Backend& backend : service.balancing.backends) {
            const Endpoint& to = backend.endpoint;
            Passage passage{"what is passed on to " + to.to_string() + " for service " +
                                service.name + " (" + port_text(service.port.transport, to.port) +
                                ")",
                            link_of(plan, service.port.vip),
                            packet_to(plan, to.address, service.port.transport, to.port)};
            passage.packet.translation = Packet::Translation::kDestination;
            if (!plan.is_own(to.address)) passage.packet.way = Packet::Way::kThrough;
            passages.push_back(std::move(passage));
        }
    }
}

}  // namespace

std::vector<Passage> make_passages(const Plan& plan) {
    std::vector<Passage> passages;
    if (plan.node.empty()) return passages;
    add_daemons(passages, plan);
    add_peers(passages, plan);
    add_backends(passages, plan);
    return passages;
}

}  // namespace hearth::lb
