#include <algorithm>
#include <string>

#include "config/check.h"
#include "config/places.h"

// How virtual addresses move: which of them together, and by which version of VRRP.
namespace hearth::config {
namespace {

using namespace std::chrono_literals;

bool names(const CheckContext& context, const Vip& vip, const char* key) {
    const Value* value = value_at(context.root, {"vips", vip.name});
    return value != nullptr && value->find(key) != nullptr;
}

Span place_in(const CheckContext& context, const Vip& vip, const char* key) {
    if (names(context, vip, key)) return place_of(context.root, {"vips", vip.name, key});
    return vip_place(context, vip);
}

// Two VIPs in one virtual router: only when both say so.
bool check_vrid(CheckContext& context, const Vip& vip, const Vip& earlier) {
    if (names(context, vip, "vrid") && names(context, earlier, "vrid")) return true;
    context.diagnostics
        .error(place_in(context, vip, "vrid"),
               "VIPs " + earlier.name + " and " + vip.name + " both get virtual router number " +
                   std::to_string(vip.vrid) + "; write another vrid for one, or the same for both")
        .notes.push_back(
            context.diagnostics.note(vip_place(context, earlier), "the other VIP is here"));
    return false;
}

void check_likeness(CheckContext& context, const Vip& vip, const Vip& earlier,
                    const std::string& why, const char* key) {
    if (vip.moves_like(earlier)) return;
    context.diagnostics
        .error(place_in(context, vip, key),
               "VIPs " + earlier.name + " and " + vip.name + " share " + why +
                   ": prefer, vrrp_version, advert_interval, preempt, preempt_delay, track, "
                   "announce, refresh, sync_group, foreign_peers and foreign_adverts must be the "
                   "same for both")
        .notes.push_back(
            context.diagnostics.note(vip_place(context, earlier), "the other VIP is here"));
}

// Its nodes meet on one network.
const IpPrefix* meeting_place(const CheckContext& context, const Vip& vip) {
    const Node* first =
        vip.prefer.empty() ? nullptr : context.document.find_node(vip.prefer.front());
    if (first == nullptr) return nullptr;
    return network_of(context.document, address_for(context.document, *first, vip));
}

// RFC 3768: IPv4, and one interval in seconds for all.
void check_version_2(CheckContext& context, const Vip& vip) {
    if (vip.vrrp_version != VrrpVersion::kV2) return;
    const auto interval = vip.advert_interval;
    if (interval % 1s != 0ms || interval > 255s)
        context.diagnostics.error(place_in(context, vip, "advert_interval"),
                                  "VRRP version 2 counts in seconds, up to 255: write "
                                  "advert_interval: 1s, as the other routers have it");
    if (std::ranges::any_of(vip.addresses, [](const auto& one) { return one.is_v6(); }) ||
        std::ranges::find(vip.families, IpFamily::kV6) != vip.families.end())
        context.diagnostics.error(place_in(context, vip, "vrrp_version"),
                                  "VRRP version 2 is for IPv4; give the IPv6 address to a VIP of "
                                  "its own");
}

}  // namespace

Span vip_place(const CheckContext& context, const Vip& vip) {
    if (value_at(context.root, {"vips", vip.name}) == nullptr)
        return place_of(context.root, {"services", vip.name, "vip"});
    return place_of(context.root, {"vips", vip.name, "address"});
}

void check_vip_links(CheckContext& context, const Vip& vip) {
    const Document& document = context.document;
    const IpPrefix* here = meeting_place(context, vip);
    const auto has_links = [&](const std::string& name) {
        return !document.find_node(name)->links.empty();
    };
    if (here == nullptr || std::ranges::none_of(vip.prefer, has_links)) return;
    for (const std::string& name : vip.prefer) {
        const Node& node = *document.find_node(name);
        if (here->contains(address_for(document, node, vip))) continue;
        context.diagnostics.error(
            vip_place(context, vip),
            "node " + name + " is not on " + here->to_string() + " with VIP " + vip.name +
                ": give it an address there (nodes." + name + ".links), or leave it out of prefer");
        return;
    }
    const auto links = document.find_node(vip.prefer.front())->all_links();
    for (const IpAddress& address : vip.addresses) {
        const IpPrefix* network = network_of(document, address);
        if (network == nullptr || network == here || address.family() != here->address().family())
            continue;
        const bool is_linked = std::ranges::any_of(
            links, [&](const Link& link) { return network->contains(link.address); });
        if (is_linked)
            context.diagnostics.error(vip_place(context, vip),
                                      "VIP " + vip.name + " is on two networks, " +
                                          here->to_string() + " and " + network->to_string() +
                                          ": make two VIPs of it");
    }
}

void check_vip_moves(CheckContext& context, const Vip& vip, const Vip& earlier) {
    if (meeting_place(context, vip) != meeting_place(context, earlier)) {
        if (!vip.sync_group.empty() && vip.sync_group == earlier.sync_group)
            context.diagnostics
                .error(place_in(context, vip, "sync_group"),
                       "VIPs " + earlier.name + " and " + vip.name +
                           " are on two networks, and each network decides for itself")
                .notes.push_back(
                    context.diagnostics.note(vip_place(context, earlier), "the other VIP is here"));
        return;
    }
    if (vip.vrid != 0 && vip.vrid == earlier.vrid) {
        if (check_vrid(context, vip, earlier))
            check_likeness(context, vip, earlier, "virtual router " + std::to_string(vip.vrid),
                           "vrid");
    } else if (!vip.sync_group.empty() && vip.sync_group == earlier.sync_group) {
        check_likeness(context, vip, earlier, "sync_group " + vip.sync_group, "sync_group");
    }
}

void check_vip_options(CheckContext& context, const Vip& vip) {
    check_version_2(context, vip);
    for (std::size_t i = 0; i < vip.track.size(); ++i) {
        const auto same = [&](const Track& one) { return one.subject() == vip.track[i].subject(); };
        const auto first = std::ranges::find_if(vip.track, same);
        if (first != vip.track.begin() + static_cast<std::ptrdiff_t>(i))
            context.diagnostics.error(item_place(context.root, {"vips", vip.name, "track"}, i),
                                      first->subject() + " is tracked twice");
    }
}

}  // namespace hearth::config
