#include "lb/bind/plan_diff.h"

#include <algorithm>
#include <map>

#include "lb/bind/balancing.h"

namespace hearth::lb {
namespace {

using Action = PlanChange::Action;

// What is said of a thing, by subject: of two, those differ whose texts do.
struct Facts {
    std::string summary;                       // of one that is added or removed
    std::map<std::string, std::string> items;  // "priority" -> "200"
    std::map<std::string, std::string> parts;  // backends, and how they are used
};
using Things = std::map<std::string, Facts>;

std::string milliseconds(Duration duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) +
           "ms";
}

std::string listed(const std::vector<IpAddress>& addresses) {
    std::string text;
    for (const auto& one : addresses) text += (text.empty() ? "" : " ") + one.to_string();
    return text;
}

std::string tracks_of(const VirtualRouter& router) {
    std::string text;
    for (const Track& track : router.tracks)
        text += (text.empty() ? "" : "; ") + track.subject + " -" + std::to_string(track.lower_by);
    return text;
}

Facts facts_of(const VirtualRouter& router, const Vip& vip) {
    Facts facts;
    const Vrid vrid = vip.vrid != 0 ? vip.vrid : router.vrid;
    facts.summary = "priority " + std::to_string(router.priority) + " here";
    facts.items = {
        {"priority", std::to_string(router.priority)},
        {"vrid", std::to_string(vrid)},
        {"advert_interval", milliseconds(router.interval)},
        {"preempt", router.preemption == Preemption::kNever ? "false" : "true"},
        {"preempt_delay", milliseconds(router.preempt_delay)},
        {"announce", router.announce == Announce::kAddress ? "address" : "replies"},
        {"refresh", milliseconds(router.refresh)},
        {"vrrp_version", router.version == VrrpVersion::kV2 ? "2" : "3"},
        {"other nodes", listed(router.nodes)},
        {"foreign_peers", listed(router.foreign_peers)},
        {"foreign_adverts", router.foreign_adverts == Adverts::kUnicast ? "unicast" : "multicast"},
        {"track", tracks_of(router)}};
    return facts;
}

// Those that this node is a candidate for, and where else they are.
Things vips_of(const Plan& plan) {
    Things things;
    for (const Vip& vip : plan.vips)
        things[vip.name + " " + vip.address.to_string()].summary = "at other nodes";
    for (const LinkSettings& link : plan.lan.links)
        for (const VirtualRouter& router : link.routers)
            for (const Vip& vip : router.vips)
                things[vip.name + " " + vip.address.to_string()] = facts_of(router, vip);
    return things;
}

std::string balance_of(Balance balance) {
    switch (balance) {
        case Balance::kRandom: return "random";
        case Balance::kRoundRobin: return "round-robin";
        case Balance::kSourceHash: break;
    }
    return "source-hash";
}

std::string check_of(const std::optional<BackendCheck>& check) {
    if (!check) return "none";
    constexpr const char* kKinds[] = {"tcp", "http", "https", "dns", "script"};
    std::string text = kKinds[static_cast<std::size_t>(check->kind)];
    if (check->port != 0) text += " " + std::to_string(check->port);
    const bool is_http =
        check->kind == BackendCheck::Kind::kHttp || check->kind == BackendCheck::Kind::kHttps;
    for (const std::string& part : {is_http ? check->path : std::string(), check->host,
                                    check->name.to_string(), check->script})
        if (!part.empty() && part != ".") text += " " + part;
    return text + " every " + milliseconds(check->interval) + " within " +
           milliseconds(check->timeout) + " rise " + std::to_string(check->rise) + " fall " +
           std::to_string(check->fall);
}

Facts facts_of(const BalancedService& service) {
    Facts facts;
    std::string allow;
    for (const IpPrefix& prefix : service.balancing.allow)
        allow += (allow.empty() ? "" : " ") + prefix.to_string();
    facts.items = {{"balance", balance_of(service.balancing.balance)},
                   {"affinity", std::to_string(service.balancing.affinity.count()) + "s"},
                   {"allow", allow.empty() ? "everybody" : allow},
                   {"check", check_of(service.check)}};
    for (const Backend& backend : service.balancing.backends) {
        const std::string text = backend.endpoint.to_string();
        const bool is_drained = service.drained.contains(backend.endpoint);
        facts.parts[text] =
            "weight " + std::to_string(backend.weight) + (is_drained ? ", drained" : "");
        facts.summary += (facts.summary.empty() ? "" : " ") + text;
    }
    return facts;
}

Things services_of(const Plan& plan) {
    Things things;
    for (const BalancedService& service : plan.services)
        things[service.name + " " + service.port.vip.to_string() + " " + port_text(service)] =
            facts_of(service);
    return things;
}

Things ports_of(const Plan& plan) {
    Things things;
    for (const OpenPort& port : plan.ports.open)
        things[port.vip.to_string() + " " + (port.transport == Transport::kTcp ? "tcp/" : "udp/") +
               std::to_string(port.port)]
            .summary = "answered by a daemon of this node";
    return things;
}

std::string difference(const Facts& before, const Facts& after) {
    std::string text;
    const auto say = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
    if (before.items.empty() != after.items.empty()) {
        say(after.items.empty() ? "this node is no candidate any more"
                                : "this node becomes a candidate, " + after.summary);
        return text;
    }
    for (const auto& [name, value] : after.items)
        if (before.items.at(name) != value)
            say(name + " " + before.items.at(name) + " -> " + value);
    for (const auto& [name, value] : before.parts)
        if (!after.parts.contains(name)) say("-" + name);
    for (const auto& [name, value] : after.parts) {
        const auto old = before.parts.find(name);
        if (old == before.parts.end())
            say("+" + name);
        else if (old->second != value)
            say("~" + name + " " + old->second + " -> " + value);
    }
    return text;
}

void compare(std::vector<PlanChange>& changes, const std::string& kind, const Things& before,
             const Things& after) {
    for (const auto& [subject, facts] : before)
        if (!after.contains(subject))
            changes.push_back({Action::kRemove, kind, subject, facts.summary});
    for (const auto& [subject, facts] : after) {
        const auto old = before.find(subject);
        if (old == before.end()) {
            changes.push_back({Action::kAdd, kind, subject, facts.summary});
        } else if (auto text = difference(old->second, facts); !text.empty()) {
            changes.push_back({Action::kChange, kind, subject, std::move(text)});
        }
    }
}

}  // namespace

std::string_view to_string(PlanChange::Action action) noexcept {
    switch (action) {
        case Action::kAdd: return "add";
        case Action::kRemove: return "remove";
        case Action::kChange: break;
    }
    return "change";
}

std::vector<PlanChange> compare_plans(const Plan& before, const Plan& after) {
    std::vector<PlanChange> changes;
    compare(changes, "vip", vips_of(before), vips_of(after));
    compare(changes, "service", services_of(before), services_of(after));
    compare(changes, "port", ports_of(before), ports_of(after));
    return changes;
}

}  // namespace hearth::lb
