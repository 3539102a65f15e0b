#include <algorithm>
#include <string>

#include "config/check.h"
#include "config/places.h"

// Pools: their addresses are the home's and each is in one of them; who asks for one can get it.
namespace hearth::config {
namespace {

// So many that what the nodes tell each other of them fits into one message.
constexpr std::size_t kMostRequests = 128;

std::string text_of(const AddressRange& range) {
    return range.first == range.last ? range.first.to_string()
                                     : range.first.to_string() + "-" + range.last.to_string();
}

bool is_overlapping(const AddressRange& a, const AddressRange& b) {
    return a.contains(b.first) || b.contains(a.first);
}

void check_range(CheckContext& context, const Pool& pool, std::size_t index) {
    const AddressRange& range = pool.addresses[index];
    const Span place = item_place(context.root, {"pools", pool.name, "addresses"}, index);
    const bool is_inside = std::ranges::any_of(context.document.lan, [&](const IpPrefix& lan) {
        return lan.contains(range.first) && lan.contains(range.last);
    });
    if (!is_inside)
        context.diagnostics.error(place, text_of(range) + " is not inside one network of lan");
    for (const Pool& other : context.document.pools) {
        for (std::size_t i = 0; i < other.addresses.size(); ++i) {
            if (&other == &pool && i == index) return;  // the later one is told
            if (!is_overlapping(other.addresses[i], range)) continue;
            context.diagnostics
                .error(place, text_of(range) + " overlaps " + text_of(other.addresses[i]) +
                                  " of pool " + other.name)
                .notes.push_back(context.diagnostics.note(
                    item_place(context.root, {"pools", other.name, "addresses"}, i), "it is here"));
            return;
        }
    }
}

bool has_family(const Pool& pool, IpFamily family) {
    return std::ranges::any_of(
        pool.addresses, [&](const AddressRange& range) { return range.first.family() == family; });
}

bool may_use(const Vip& vip, const Pool& pool) {
    return vip.request->pool.empty() ? pool.auto_assign : vip.request->pool == pool.name;
}

void check_request(CheckContext& context, const Vip& vip) {
    const std::string whose = vip.request->pool.empty() ? "no pool with auto_assign has"
                                                        : "pool " + vip.request->pool + " has no";
    for (const IpFamily family : vip.families) {
        const bool is_there = std::ranges::any_of(context.document.pools, [&](const Pool& pool) {
            return may_use(vip, pool) && has_family(pool, family);
        });
        if (is_there) continue;
        const std::string kind = family == IpFamily::kV4 ? "IPv4" : "IPv6";
        context.diagnostics.error(vip_place(context, vip),
                                  whose + " " + kind + " addresses for VIP " + vip.name +
                                      ", behind which there are " + kind +
                                      " backends: add some to `pools`, or write an address");
        return;
    }
}

// All candidates are on the network of whatever address it may get, as soon as one has a link
// there.
void check_links(CheckContext& context, const Vip& vip, const AddressRange& range) {
    const Document& document = context.document;
    const IpPrefix* network = network_of(document, range.first);
    const auto is_on = [&](const Link& link) { return network->contains(link.address); };
    const auto has_link = [&](const std::string& name) {
        return std::ranges::any_of(document.find_node(name)->links, is_on);
    };
    if (network == nullptr || std::ranges::none_of(vip.prefer, has_link)) return;
    for (const std::string& name : vip.prefer) {
        if (std::ranges::any_of(document.find_node(name)->all_links(), is_on)) continue;
        context.diagnostics.error(vip_place(context, vip),
                                  "node " + name + " is not on " + network->to_string() +
                                      ", where VIP " + vip.name +
                                      " may get an address: give it one there (nodes." + name +
                                      ".links), name another pool, or leave it out of prefer");
        return;
    }
}

// The router hands these out to the home, by their address.
void check_written(CheckContext& context, std::string_view room, const std::string& name) {
    const Vip* vip = context.document.find_vip(name);
    if (vip == nullptr || !vip->request) return;
    context.diagnostics
        .error(place_of(context.root, {room, "vip"}),
               "VIP " + name + " gets its address from a pool, and " + std::string(room) +
                   " needs one that the router can be told: write it")
        .notes.push_back(context.diagnostics.note(vip_place(context, *vip), "the VIP is here"));
}

}  // namespace

void check_pools(CheckContext& context) {
    for (const Pool& pool : context.document.pools)
        for (std::size_t i = 0; i < pool.addresses.size(); ++i) check_range(context, pool, i);
    std::size_t requests = 0;
    for (const Vip& vip : context.document.vips) {
        if (!vip.request) continue;
        if (++requests == kMostRequests + 1)
            context.diagnostics.error(vip_place(context, vip),
                                      "at most 128 VIPs get their addresses from pools");
        check_request(context, vip);
        for (const Pool& pool : context.document.pools)
            for (const AddressRange& range : pool.addresses)
                if (may_use(vip, pool)) check_links(context, vip, range);
    }
    check_written(context, "dns", context.document.dns.vip);
    check_written(context, "proxy", context.document.proxy.vip);
}

}  // namespace hearth::config
