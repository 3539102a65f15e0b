#include "lb/bind/pools.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "runtime/problems.h"

namespace hearth::lb {
namespace {

namespace json = boost::json;

AddressPool make_pool(const config::Pool& pool) {
    AddressPool made;
    made.name = pool.name;
    for (const auto& range : pool.addresses) made.ranges.push_back({range.first, range.last});
    made.use = pool.auto_assign ? PoolUse::kByAnybody : PoolUse::kByName;
    made.buggy = pool.avoid_buggy_ips ? BuggyAddresses::kAvoided : BuggyAddresses::kUsed;
    return made;
}

void add(std::set<IpAddress>& taken, const std::vector<config::Upstream>& servers) {
    for (const auto& server : servers) taken.insert(server.endpoint.address);
}

// Whatever the document says that some machine has.
std::set<IpAddress> taken_addresses(const config::Document& document) {
    std::set<IpAddress> taken;
    for (const auto& node : document.nodes)
        for (const auto& link : node.all_links()) taken.insert(link.address);
    for (const auto& vip : document.vips) {
        if (!vip.request) taken.insert(vip.addresses.begin(), vip.addresses.end());
        taken.insert(vip.foreign_peers.begin(), vip.foreign_peers.end());
    }
    for (const auto& record : document.dns.records)
        taken.insert(record.addresses.begin(), record.addresses.end());
    add(taken, document.dns.upstreams);
    for (const auto& forward : document.dns.forward) add(taken, forward.to);
    for (const auto& service : document.services) {
        for (const auto& upstream : service.upstreams)
            if (upstream.address) taken.insert(*upstream.address);
        for (const auto& port : service.ports)
            for (const auto& backend : port.backends) taken.insert(backend.endpoint.address);
    }
    return taken;
}

std::string text_of(const AddressView& view) {
    return view.vip + " (" + (view.family == IpFamily::kV4 ? "IPv4" : "IPv6") + ")";
}

void raise_or_clear(runtime::Problems& problems, const char* name, const std::string& detail,
                    const char* advice) {
    if (detail.empty()) return problems.clear(name);
    problems.raise(name, detail + advice);
}

}  // namespace

PoolPlan make_pool_plan(const config::Document& document) {
    PoolPlan plan;
    std::vector<const config::Pool*> pools;
    for (const auto& pool : document.pools) pools.push_back(&pool);
    std::ranges::sort(pools, {},
                      [](const auto* pool) { return std::pair(pool->priority, pool->name); });
    for (const auto* pool : pools) plan.pools.push_back(make_pool(*pool));
    plan.lan = document.lan;
    plan.taken = taken_addresses(document);
    for (const auto& vip : document.vips) {
        if (vip.request)
            plan.requests.push_back({vip.name, vip.request->pool, vip.families});
        else
            plan.numbers.insert(vip.vrid);
    }
    return plan;
}

json::array addresses_json(const AddressBook& book) {
    json::array list;
    for (const AddressView& view : book.view())
        list.push_back({{"vip", view.vip},
                        {"family", view.family == IpFamily::kV4 ? "ipv4" : "ipv6"},
                        {"address", view.address ? view.address->to_string() : ""},
                        {"pool", view.pool},
                        {"state", to_string(view.state)}});
    return list;
}

void show_addresses(runtime::Problems& problems, const AddressBook& book) {
    std::string exhausted;
    std::string stranded;
    for (const AddressView& view : book.view()) {
        if (view.state == AddressState::kExhausted)
            exhausted += (exhausted.empty() ? "" : ", ") + text_of(view);
        if (view.state == AddressState::kStranded)
            stranded +=
                (stranded.empty() ? "" : ", ") + view.vip + " has " + view.address->to_string();
    }
    raise_or_clear(problems, "pool_exhausted", exhausted,
                   " asks for an address and the pools have none left: add addresses to `pools`, "
                   "or write one");
    raise_or_clear(problems, "pool_stranded", stranded,
                   ", which no pool for it has any more, and keeps it: put the address back into "
                   "one, write it in the document, or take another with `hearth vip renumber`");
}

}  // namespace hearth::lb
