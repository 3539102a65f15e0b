#include <algorithm>
#include <array>
#include <string>

#include "config/check.h"
#include "config/places.h"

// The domain, the networks, the machines and the virtual addresses.
namespace hearth::config {
namespace {

std::string lan_text(const Document& document) {
    std::string text;
    for (const IpPrefix& lan : document.lan) text += (text.empty() ? "" : ", ") + lan.to_string();
    return text;
}

void check_domain(CheckContext& context) {
    const Name& domain = context.document.domain;
    const Span place = place_of(context.root, {"domain"});
    static constexpr std::array kTaken{"localhost", "invalid", "onion", "arpa", "example"};
    const std::string text = domain.to_string();
    for (Name rest = domain; !rest.is_root(); rest = rest.parent()) {
        if (!is_host_label(rest.first_label())) {
            context.diagnostics.error(
                place,
                text +
                    " is not a domain for hosts: letters, digits and inner hyphens in each label");
            return;
        }
    }
    if (domain.is_root())
        context.diagnostics.error(place, "the domain must have a name, such as home");
    if (std::find(kTaken.begin(), kTaken.end(), text) != kTaken.end())
        context.diagnostics.error(place, text + " has a meaning of its own (RFC 6761)", "home");
    if (text == "local")
        context.diagnostics.warning(place,
                                    "many devices look for names in .local by multicast and never "
                                    "ask a name server (RFC 6762); home is safe");
}

void check_lan(CheckContext& context) {
    const auto& lan = context.document.lan;
    for (std::size_t i = 0; i < lan.size(); ++i) {
        const Span place = item_place(context.root, {"lan"}, i);
        if (lan[i].length() < (lan[i].address().is_v4() ? 8 : 32))
            context.diagnostics.error(
                place,
                lan[i].to_string() + " is wider than any home; everyone in it would be served");
        for (std::size_t j = 0; j < i; ++j) {
            if (!lan[i].overlaps(lan[j])) continue;
            context.diagnostics.error(place, lan[i].to_string() + " overlaps " + lan[j].to_string())
                .notes.push_back(
                    context.diagnostics.note(item_place(context.root, {"lan"}, j), "it is here"));
        }
    }
}

// What holds for every address of a host in the home.
bool check_host_address(CheckContext& context, const IpAddress& address, const std::string& what,
                        Span place) {
    const IpPrefix* lan = network_of(context.document, address);
    if (lan == nullptr) {
        context.diagnostics.error(place,
                                  what + " is outside lan (" + lan_text(context.document) + ")");
        return false;
    }
    const bool has_broadcast = address.is_v4() && lan->length() <= 30;
    if (!has_broadcast) return true;
    if (address == lan->address())
        context.diagnostics.error(place, what + " is the network address of " + lan->to_string());
    if (address == lan->last())
        context.diagnostics.error(place, what + " is the broadcast address of " + lan->to_string());
    return address != lan->address() && address != lan->last();
}

Span link_place(const CheckContext& context, const Node& node, std::size_t index) {
    if (index == 0) return place_of(context.root, {"nodes", node.name, "address"});
    return item_place(context.root, {"nodes", node.name, "links"}, index - 1);
}

// No address is at two places, nor a node twice on one network.
void check_link(CheckContext& context, const Node& node, std::size_t index) {
    const auto links = node.all_links();
    const IpAddress& address = links[index].address;
    const Span place = link_place(context, node, index);
    if (!check_host_address(context, address, "node " + node.name, place)) return;
    for (std::size_t i = 0; i < index; ++i) {
        if (!network_of(context.document, address)->contains(links[i].address)) continue;
        context.diagnostics.error(place, "node " + node.name + " is on " +
                                             network_of(context.document, address)->to_string() +
                                             " with " + links[i].address.to_string() + " already");
    }
    for (const Node& other : context.document.nodes) {
        if (&other == &node) return;
        const auto others = other.all_links();
        for (std::size_t i = 0; i < others.size(); ++i) {
            if (others[i].address != address) continue;
            context.diagnostics
                .error(place,
                       address.to_string() + " is the address of node " + other.name + " already")
                .notes.push_back(
                    context.diagnostics.note(link_place(context, other, i), "it is here"));
        }
    }
}

void check_nodes(CheckContext& context) {
    for (const Node& node : context.document.nodes)
        for (std::size_t i = 0; i <= node.links.size(); ++i) check_link(context, node, i);
}

void check_vip_address(CheckContext& context, const Vip& vip, const IpAddress& address) {
    const Span place = vip_place(context, vip);
    const std::string text = address.to_string();
    if (!check_host_address(context, address, "VIP " + vip.name, place)) return;
    if (address.is_loopback())
        context.diagnostics.error(place,
                                  text + " is a loopback address; no other machine can reach it");
    for (const Node& node : context.document.nodes) {
        if (!node.has(address)) continue;
        const Span other = place_of(context.root, {"nodes", node.name, "address"});
        context.diagnostics
            .error(place, text + " is the own address of node " + node.name +
                              "; a VIP needs one that no machine has")
            .notes.push_back(context.diagnostics.note(other, "it is here"));
    }
}

void check_candidates(CheckContext& context, const Vip& vip) {
    for (std::size_t i = 0; i < vip.prefer.size(); ++i) {
        const Span place = item_place(context.root, {"vips", vip.name, "prefer"}, i);
        const auto first = std::find(vip.prefer.begin(), vip.prefer.end(), vip.prefer[i]);
        if (first != vip.prefer.begin() + static_cast<std::ptrdiff_t>(i))
            context.diagnostics.error(place, "node " + vip.prefer[i] + " is named twice");
        const Node* node = context.document.find_node(vip.prefer[i]);
        const bool has_v4 =
            std::ranges::any_of(vip.addresses, [](const auto& one) { return one.is_v4(); }) ||
            std::ranges::find(vip.families, IpFamily::kV4) != vip.families.end();
        if (has_v4 && node != nullptr && address_for(context.document, *node, vip).is_v6())
            context.diagnostics.error(
                place, "node " + node->name +
                           " has an IPv6 address; an IPv4 VIP needs nodes with IPv4 addresses");
    }
    if (vip.prefer.size() == 1 && context.document.nodes.size() > 1)
        context.diagnostics.warning(
            place_of(context.root, {"vips", vip.name, "prefer"}),
            "VIP " + vip.name + " has one candidate: nobody takes over when it dies");
    for (std::size_t i = 0; i < vip.foreign_peers.size(); ++i) {
        const Span place = item_place(context.root, {"vips", vip.name, "foreign_peers"}, i);
        const IpAddress& peer = vip.foreign_peers[i];
        if (peer.is_v4())
            check_host_address(context, peer, "foreign peer " + peer.to_string(), place);
        else if (!peer.is_link_local())
            context.diagnostics.error(place,
                                      "over IPv6 routers speak from their link-local address "
                                      "(fe80::…): write that of foreign peer " +
                                          peer.to_string());
        for (const Node& node : context.document.nodes) {
            if (node.has(peer))
                context.diagnostics.error(place, peer.to_string() + " is node " + node.name +
                                                     ", which is no foreign peer");
        }
    }
}

void check_vip(CheckContext& context, std::size_t index) {
    const auto& vips = context.document.vips;
    const Vip& vip = vips[index];
    for (const IpAddress& address : vip.addresses) {
        check_vip_address(context, vip, address);
        if (&*std::ranges::find(vip.addresses, address) != &address)
            context.diagnostics.error(vip_place(context, vip),
                                      address.to_string() + " is written twice");
    }
    check_candidates(context, vip);
    check_vip_links(context, vip);
    check_vip_options(context, vip);
    for (std::size_t i = 0; i < index; ++i) {
        const auto shared = std::ranges::find_if(
            vip.addresses, [&](const IpAddress& one) { return vips[i].has(one); });
        if (shared != vip.addresses.end()) {
            context.diagnostics
                .error(vip_place(context, vip),
                       shared->to_string() + " is VIP " + vips[i].name + " already")
                .notes.push_back(
                    context.diagnostics.note(vip_place(context, vips[i]), "it is here"));
        } else {
            check_vip_moves(context, vip, vips[i]);
        }
    }
    const bool has_service = std::ranges::any_of(
        context.document.services, [&](const Service& one) { return one.vip == vip.name; });
    if (context.document.dns.vip != vip.name && context.document.proxy.vip != vip.name &&
        !has_service)
        context.diagnostics.warning(
            place_of(context.root, {"vips", vip.name}),
            "VIP " + vip.name +
                " is used by nothing: neither dns.vip nor proxy.vip names it, and no "
                "service has its address");
}

}  // namespace

void check_network(CheckContext& context) {
    check_domain(context);
    check_lan(context);
    check_nodes(context);
    for (std::size_t i = 0; i < context.document.vips.size(); ++i) check_vip(context, i);
    check_pools(context);
}

}  // namespace hearth::config
