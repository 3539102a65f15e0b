#include "lb/bind/status.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "runtime/event_hub.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

namespace json = boost::json;

constexpr Duration kAdvertTellsFor = 10s;
// No move takes that long, and a dead node's last report is gone by then.
constexpr Duration kBothTellFor = 8s;

std::string_view advice_on(Drop why) noexcept {
    switch (why) {
        case Drop::kWrongAddressSet:
            return "it has other addresses under that number than this document; make them the "
                   "same on both";
        case Drop::kBadVersion: return "it speaks another version than `vrrp_version` says";
        case Drop::kBadInterval: return "version 2 needs the same `advert_interval` everywhere";
        case Drop::kPassword:
            return "it uses a password, which VRRP no longer has; remove it there";
        case Drop::kBadTtl:
            return "they came over a router, or somebody forges them; keepalived needs unicast_ttl "
                   "255";
        default: return "they are damaged, or somebody forges them";
    }
}

// A node's name, or the address of a router that is none.
std::string owner_name(const std::optional<IpAddress>& owner, const Plan& plan) {
    if (!owner) return "";
    const auto node = plan.names.find(*owner);
    return node != plan.names.end() ? node->second : owner->to_string();
}

std::int64_t seconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

std::string reported_owner(const IpAddress& vip, const std::vector<PeerView>& peers) {
    for (const auto& peer : peers) {
        if (!peer.report) continue;
        for (const auto& item : peer.report->vips) {
            if (item.address == vip && item.state == ElectionState::kMaster) return peer.node.name;
        }
    }
    return "";
}

// Of the advert that was refused: a node, or the address of a router that is none.
std::string speaker_name(const LinkView& link, const std::vector<PeerView>& peers) {
    const auto& here = link.settings->others;
    for (const auto& peer : peers) {
        const auto address = here.find(peer.node.address);
        if (address != here.end() && address->second == link.refused->source) return peer.node.name;
    }
    return link.refused->source.to_string();
}

std::vector<std::pair<const LinkView*, const RouterView*>> routers_of(const LanView& lan) {
    std::vector<std::pair<const LinkView*, const RouterView*>> all;
    for (const LinkView& link : lan.links)
        for (const RouterView& router : link.routers) all.emplace_back(&link, &router);
    return all;
}

// The worst of its daemons is the state of a node.
std::string_view worst_state(const NodeReport& report) {
    constexpr std::array<std::string_view, 4> kBadFirst{"down", "error", "warn", "ok"};
    for (const auto state : kBadFirst) {
        for (const auto& daemon : report.daemons) {
            if (daemon.state == state) return state == "down" ? "error" : state;
        }
    }
    return "unknown";
}

json::object node_json(const PeerNode& node, const NodeReport& report) {
    json::object daemons;
    for (const auto& daemon : report.daemons) daemons[daemon.name] = daemon.state;
    json::array problems;
    for (const auto& problem : report.problems) {
        problems.push_back({{"daemon", problem.daemon},
                            {"name", problem.name},
                            {"detail", problem.detail},
                            {"since", problem.since}});
    }
    return {{"name", node.name},
            {"address", node.address.to_string()},
            {"state", worst_state(report)},
            {"version", report.version},
            {"config_hash", report.config_hash},
            {"daemons", std::move(daemons)},
            {"problems", std::move(problems)}};
}

}  // namespace

json::array vips_json(const LanView& lan, const Plan& plan, const std::vector<PeerView>& peers,
                      TimePoint now) {
    json::array vips;
    for (const auto& [link, view] : routers_of(lan)) {
        for (std::size_t i = 0; i < view->router->vips.size(); ++i) {
            const Vip& vip = view->router->vips[i];
            json::object item;
            item["name"] = vip.name;
            item["address"] = vip.address.to_string();
            item["owner"] = owner_name(view->master, plan);
            item["state"] = to_string(view->state);
            item["priority"] = view->priority;
            item["healthy"] = view->health == Health::kGood;
            item["vrid"] = vip.vrid;
            item["interface"] = link->interface;
            item["for_s"] = seconds(now - view->since);
            item["transitions"] = view->transitions;
            if (view->holders[i]) item["conflict"] = view->holders[i]->to_string();
            vips.push_back(std::move(item));
        }
    }
    for (const auto& vip : plan.vips) {
        if (std::ranges::find(lan.addresses, vip.address) != lan.addresses.end()) continue;
        vips.push_back({{"name", vip.name},
                        {"address", vip.address.to_string()},
                        {"owner", reported_owner(vip.address, peers)},
                        {"state", "elsewhere"}});
    }
    return vips;
}

json::array nodes_json(const Plan& plan, const NodeReport& own,
                       const std::vector<PeerView>& peers) {
    json::array nodes;
    for (const auto& node : plan.nodes) {
        if (node.name == plan.node) {
            nodes.push_back(node_json(node, own));
            continue;
        }
        const auto peer = std::find_if(peers.begin(), peers.end(),
                                       [&](const PeerView& p) { return p.node == node; });
        if (peer != peers.end() && peer->report) {
            nodes.push_back(node_json(node, *peer->report));
            continue;
        }
        json::object unknown{{"name", node.name},         {"address", node.address.to_string()},
                             {"state", "unknown"},        {"config_hash", ""},
                             {"daemons", json::object{}}, {"problems", json::array{}}};
        if (peer != peers.end()) unknown["detail"] = peer->trouble;
        nodes.push_back(std::move(unknown));
    }
    return nodes;
}

std::string relay_json(const std::vector<RelayOutcome>& outcomes) {
    json::array nodes;
    for (const auto& [node, status, text] : outcomes)
        nodes.push_back(json::object{{"name", node}, {"status", status}, {"answer", text}});
    return json::serialize(json::object{{"nodes", std::move(nodes)}}) + "\n";
}

void write_metrics(runtime::MetricSink& sink, const LanView& lan, const Plan& plan) {
    for (const auto& [link, view] : routers_of(lan)) {
        const bool owns = view->master == link->settings->address;
        for (const auto& vip : view->router->vips) {
            const std::string address = vip.address.to_string();
            const runtime::Labels labels{{"vip", vip.name}, {"address", address}};
            sink.gauge("hearth_vip_owner", "1 where this node owns the virtual IP.",
                       {{"vip", vip.name}, {"address", address}, {"node", plan.node}},
                       owns ? 1 : 0);
            sink.counter("hearth_vip_transitions_total", "Changes of state of the virtual IP here.",
                         labels, static_cast<double>(view->transitions));
            sink.counter("hearth_vip_conflicts_total", "Strangers seen using the virtual IP.",
                         labels, static_cast<double>(view->conflicts));
        }
    }
    const NeighbourCounters& arp = lan.arp;
    sink.counter("hearth_arp_requests_total", "ARP requests for virtual IPs heard.", {},
                 static_cast<double>(arp.requests));
    sink.counter("hearth_arp_replies_total", "ARP requests for virtual IPs answered.", {},
                 static_cast<double>(arp.replies));
    sink.counter("hearth_arp_gratuitous_total", "Gratuitous ARP frames sent.", {},
                 static_cast<double>(arp.gratuitous));
    const NeighbourCounters& ndp = lan.ndp;
    sink.counter("hearth_ndp_solicitations_total", "Solicitations for virtual IPs heard.", {},
                 static_cast<double>(ndp.requests));
    sink.counter("hearth_ndp_advertisements_total", "Solicitations for virtual IPs answered.", {},
                 static_cast<double>(ndp.replies));
    sink.counter("hearth_ndp_unsolicited_total", "Unsolicited advertisements sent.", {},
                 static_cast<double>(ndp.gratuitous));
    for (std::size_t i = 0; i < kDropReasons; ++i) {
        const auto reason = static_cast<Drop>(i);
        sink.counter("hearth_lb_dropped_packets_total", "ARP, NDP and VRRP packets not acted upon.",
                     {{"reason", std::string(to_string(reason))}},
                     static_cast<double>(lan.drops.of(reason)));
    }
    sink.counter("hearth_lb_send_failures_total", "Frames the interface did not take.", {},
                 static_cast<double>(lan.send_failures));
    constexpr std::string_view kAsked = "Times that the kernel was asked for all its connections.";
    sink.counter("hearth_lb_connection_lists_total", kAsked, {{"when", "ahead"}},
                 static_cast<double>(lan.connections_asked.ahead));
    sink.counter("hearth_lb_connection_lists_total", kAsked, {{"when", "takeover"}},
                 static_cast<double>(lan.connections_asked.at_takeover));
}

void show_conflicts(runtime::Problems& problems, const LanView& lan) {
    std::string conflicts;
    for (const auto& [link, view] : routers_of(lan)) {
        for (std::size_t i = 0; i < view->holders.size(); ++i) {
            if (!view->holders[i]) continue;
            const Vip& vip = view->router->vips[i];
            conflicts += vip.address.to_string() + " (" + vip.name + ") is used by " +
                         view->holders[i]->to_string() + ", which is no node of ours; ";
        }
    }
    if (conflicts.empty()) return problems.clear("vip_conflict");
    problems.raise(
        "vip_conflict",
        conflicts + "find that machine, or keep the address out of the router's DHCP range",
        runtime::Severity::kError);
}

void show_rivals(runtime::Problems& problems, const LanView& lan,
                 const std::vector<PeerView>& peers, TimePoint now) {
    std::string refused;
    for (const LinkView& link : lan.links) {
        if (!link.refused || now - link.refused->at > kAdvertTellsFor) continue;
        refused += "adverts of " + speaker_name(link, peers) + " are not followed (" +
                   std::string(to_string(link.refused->why)) +
                   "): " + std::string(advice_on(link.refused->why)) + "; ";
    }
    if (refused.empty())
        problems.clear("vip_adverts");
    else
        problems.raise("vip_adverts", refused + "without them there may be two owners");

    std::string rivals;
    for (const auto& [link, view] : routers_of(lan)) {
        if (view->state != ElectionState::kMaster || now - view->since < kBothTellFor) continue;
        for (const Vip& vip : view->router->vips) {
            const std::string rival = reported_owner(vip.address, peers);
            if (!rival.empty())
                rivals += vip.address.to_string() + " (" + vip.name + ") is owned by " + rival +
                          " as well; ";
        }
    }
    if (rivals.empty()) return problems.clear("vip_two_owners");
    problems.raise("vip_two_owners",
                   rivals +
                       "give all nodes the same document, and let switches and access points "
                       "pass VRRP (IP protocol 112) between them",
                   runtime::Severity::kError);
}

void publish_transition(runtime::EventHub& events, const TransitionReport& report) {
    for (const auto& vip : report.vips) {
        const auto& t = report.transition;
        log::info("vip_state", {{"vip", vip},
                                {"from", to_string(t.from)},
                                {"to", to_string(t.to)},
                                {"cause", to_string(t.cause)}});
        if (!events.wanted("vip")) continue;
        const json::object event{{"vip", vip},
                                 {"from", to_string(t.from)},
                                 {"to", to_string(t.to)},
                                 {"cause", to_string(t.cause)}};
        events.publish("vip", json::serialize(event));
    }
}

void publish_conflict(runtime::EventHub& events, const ConflictReport& report) {
    const std::string address = report.vip.address.to_string();
    const std::string holder = report.holder.to_string();
    log::warn("vip_conflict", {{"vip", report.vip.name}, {"address", address}, {"mac", holder}});
    if (!events.wanted("vip")) return;
    const json::object event{{"vip", report.vip.name}, {"conflict", holder}};
    events.publish("vip", json::serialize(event));
}

}  // namespace hearth::lb
