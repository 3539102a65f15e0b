#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "config/check.h"
#include "config/places.h"
#include "config/suggest.h"

// Where questions go, and what is blocked.
namespace hearth::config {
namespace {

// Why a question to `endpoint` would come back to us; empty when it would not.
std::string loop_reason(const Document& document, const Endpoint& endpoint) {
    for (const Vip& vip : document.vips) {
        if (vip.has(endpoint.address)) return "VIP " + vip.name;
    }
    const auto& listen = document.dns.listen;
    if (std::find(listen.begin(), listen.end(), endpoint) != listen.end()) return "dns.listen";
    if (!listen.empty() || endpoint.port != 53) return {};
    for (const Node& node : document.nodes) {
        if (node.address == endpoint.address) return "node " + node.name;
    }
    return {};
}

void check_upstream(CheckContext& context, const Upstream& upstream, Span place) {
    // Over https there may be another server on our address.
    if (upstream.protocol == UpstreamProtocol::kHttps ||
        upstream.protocol == UpstreamProtocol::kRecursive)
        return;
    if (!upstream.name.empty()) {
        if (context.document.dns.bootstrap.empty())
            context.diagnostics.error(place, upstream.text +
                                                 " is a name, and finding its address "
                                                 "takes a server that is written with "
                                                 "one: dns.bootstrap, as [9.9.9.9]");
        return;
    }
    const std::string reason = loop_reason(context.document, upstream.endpoint);
    if (reason.empty()) return;
    context.diagnostics.error(place, upstream.text + " is this Hearth itself (" + reason +
                                         "); questions would go round in circles");
}

void check_upstreams(CheckContext& context) {
    const Dns& dns = context.document.dns;
    for (std::size_t i = 0; i < dns.upstreams.size(); ++i) {
        const Span place = item_place(context.root, {"dns", "upstreams"}, i);
        check_upstream(context, dns.upstreams[i], place);
        const auto same =
            std::find_if(dns.upstreams.begin(), dns.upstreams.end(), [&](const Upstream& other) {
                return other.endpoint == dns.upstreams[i].endpoint &&
                       other.name == dns.upstreams[i].name &&
                       other.protocol == dns.upstreams[i].protocol;
            });
        if (same != dns.upstreams.begin() + static_cast<std::ptrdiff_t>(i))
            context.diagnostics.warning(place, dns.upstreams[i].text + " is written twice");
    }
    for (std::size_t i = 0; i < dns.bootstrap.size(); ++i) {
        const Span place = item_place(context.root, {"dns", "bootstrap"}, i);
        check_upstream(context, dns.bootstrap[i], place);
        if (!dns.bootstrap[i].name.empty() ||
            dns.bootstrap[i].protocol == UpstreamProtocol::kRecursive)
            context.diagnostics.error(place, dns.bootstrap[i].text +
                                                 " has no address, which is what dns.bootstrap "
                                                 "is for");
    }
    if (dns.upstreams.empty())
        context.diagnostics.warning(
            place_of(context.root, {"dns"}),
            "dns has no upstreams: only local and forwarded names will resolve");
}

void check_forward(CheckContext& context) {
    const Value* list = value_at(context.root, {"dns", "forward"});
    std::map<Name, Span> seen;
    const auto& zones = context.document.dns.forward;
    for (std::size_t i = 0; i < zones.size(); ++i) {
        // One zone without the list's brackets is a map.
        const Value& entry = list->kind == Kind::kSequence ? list->items[i] : *list;
        for (std::size_t j = 0; j < zones[i].zones.size(); ++j) {
            const Name& zone = zones[i].zones[j];
            const Span place = item_place(entry, {"zones"}, j);
            if (zone.is_root())
                context.diagnostics.error(place, "the root zone goes to dns.upstreams");
            const auto [first, is_new] = seen.emplace(zone, place);
            if (is_new) continue;
            context.diagnostics.error(place, "zone " + zone.to_string() + " is forwarded already")
                .notes.push_back(context.diagnostics.note(first->second, "it is here"));
        }
        for (std::size_t j = 0; j < zones[i].to.size(); ++j) {
            const Span place = item_place(entry, {"to"}, j);
            check_upstream(context, zones[i].to[j], place);
            if (zones[i].to[j].protocol == UpstreamProtocol::kRecursive)
                context.diagnostics.error(
                    place, "recursive finds public names only: it belongs into dns.upstreams");
        }
    }
}

void check_rules(CheckContext& context) {
    const Blocking& blocking = context.document.blocking;
    std::set<std::pair<Name, bool>> allowed;
    for (const NameRule& rule : blocking.allow) allowed.emplace(rule.name, rule.only_below);
    for (std::size_t i = 0; i < blocking.deny.size(); ++i) {
        const NameRule& rule = blocking.deny[i];
        if (!allowed.contains({rule.name, rule.only_below})) continue;
        context.diagnostics.warning(item_place(context.root, {"blocking", "deny"}, i),
                                    rule.name.to_string() + " is allowed too, and allow wins");
    }
}

void check_lists(CheckContext& context) {
    const auto& lists = context.document.blocking.lists;
    for (std::size_t i = 0; i < lists.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (lists[i].url != lists[j].url || lists[i].file != lists[j].file) continue;
            context.diagnostics.warning(
                place_of(context.root, {"blocking", "lists", lists[i].name}),
                "list " + lists[i].name + " is the same as " + lists[j].name);
        }
    }
}

void check_groups(CheckContext& context) {
    const Blocking& blocking = context.document.blocking;
    std::vector<std::string> known;
    for (const BlockList& list : blocking.lists) known.push_back(list.name);
    for (const ClientGroup& group : blocking.groups) {
        const Value* entry = value_at(context.root, {"blocking", "groups", group.name});
        for (std::size_t i = 0; i < group.upstreams.size(); ++i)
            check_upstream(context, group.upstreams[i], item_place(*entry, {"upstreams"}, i));
        if (!group.lists) continue;
        for (std::size_t i = 0; i < group.lists->size(); ++i) {
            const std::string& list = (*group.lists)[i];
            if (std::find(known.begin(), known.end(), list) != known.end()) continue;
            context.diagnostics.error(item_place(*entry, {"lists"}, i),
                                      list + " is not in blocking.lists", closest(list, known));
        }
    }
}

// A certificate is for a name.
void check_tls(CheckContext& context) {
    if (!context.document.dns.tls.local_ca || !dns_servers(context.document).empty()) return;
    context.diagnostics.error(place_of(context.root, {"dns", "tls"}),
                              "without dns.vip and nodes nothing says what this server is called: "
                              "name certificate and key");
}

}  // namespace

void check_dns(CheckContext& context) {
    check_tls(context);
    check_upstreams(context);
    check_forward(context);
    check_rules(context);
    check_lists(context);
    check_groups(context);
}

}  // namespace hearth::config
