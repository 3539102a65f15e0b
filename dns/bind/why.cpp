#include "dns/bind/why.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>

#include "dns/bind/query_json.h"
#include "dns/core/local_answer.h"
#include "dns/core/rewritten_name.h"
#include "dns/core/safe_search.h"
#include "dns/io/blocklist_file.h"

namespace hearth::dns {
namespace {

namespace json = boost::json;

json::array servers_of(const Snapshot& snapshot, std::size_t group) {
    json::array servers;
    if (group < snapshot.groups.size())
        for (const UpstreamServer& server : snapshot.groups[group].servers)
            servers.emplace_back(server.to_string());
    return servers;
}

void add_rules(json::object& out, const BlockPolicy& policy, const ListLayout& layout,
               const Name& name) {
    json::array rules;
    if (policy.lists) {
        std::vector<BlockSet::List> active;
        const auto& lists = policy.lists->set.lists();
        for (std::size_t i = 0; i < lists.size(); ++i)
            if ((policy.active_lists >> i & 1) != 0) active.push_back(lists[i]);
        for (const auto& rule : find_listed_rules(layout, active, name)) {
            json::object object;
            object["list"] = rule.list;
            object["line"] = rule.line;
            object["text"] = rule.text;
            object["action"] = rule.action == ListAction::kAllow ? "allow" : "block";
            rules.push_back(std::move(object));
        }
    }
    out["rules"] = std::move(rules);
}

void add_list(json::object& out, const BlockPolicy& policy, const ListLayout& layout,
              const Verdict& verdict) {
    const std::string list = verdict_source_name(verdict, policy);
    out["list"] = list;
    std::error_code error;
    const auto written = std::filesystem::last_write_time(layout.copy(list), error);
    if (!error)
        out["list_age_s"] = std::chrono::duration_cast<std::chrono::seconds>(
                                std::filesystem::file_time_type::clock::now() - written)
                                .count();
}

// The rule, where it is written, and how to take it back.
void add_rule(json::object& out, const BlockPolicy& policy, const Verdict& verdict) {
    const std::string rule(policy.rule_text(verdict));
    const RuleLayer* layer = policy.layer_of(verdict);
    std::string place = verdict.blocked() ? "blocking.deny" : "blocking.allow";
    if (layer != nullptr) place = layer->place;
    out["rule"] = rule;
    out["place"] = place;
    if (layer != nullptr && !layer->service.empty()) out["service"] = layer->service;
    if (place.starts_with("hearth ")) {
        out["undo"] =
            "hearth forget " + rule + (layer->client.empty() ? "" : " --for " + layer->client);
    } else if (place.ends_with(".schedule")) {
        out["undo"] = "wait for the schedule to end, or change " + place;
    } else if (layer != nullptr && !layer->service.empty()) {
        out["undo"] = "take " + layer->service + " out of " + place;
    } else {
        out["undo"] = "take \"" + rule + "\" out of " + place;
    }
}

void add_verdict(json::object& out, const BlockPolicy& policy, const ListLayout& layout,
                 const Name& name, const Verdict& verdict) {
    const std::string text = name.to_string();
    out["matched"] = to_string(verdict.source);
    switch (verdict.source) {
        case VerdictSource::kNothing:
        case VerdictSource::kRebinding: return;
        case VerdictSource::kAllowRule:
        case VerdictSource::kDenyRule: return add_rule(out, policy, verdict);
        case VerdictSource::kBlockList:
        case VerdictSource::kListRewrite:
            out["undo"] = "add \"" + text + "\" to blocking.allow";
            break;
        case VerdictSource::kAllowList:
            out["undo"] = "add \"" + text + "\" to blocking.deny";
            break;
    }
    add_list(out, policy, layout, verdict);
    add_rules(out, policy, layout, name);
}

}  // namespace

std::string explain_name(const Snapshot& snapshot, const ListLayout& lists, const Name& name,
                         const std::optional<IpAddress>& client, const std::string& bogus) {
    json::object out;
    if (client && !snapshot.serves(*client)) {
        out["name"] = name.to_string();
        out["verdict"] = "refused";
        out["client"] = client->to_string();
        out["undo"] = "add " + client->to_string() + " to dns.clients";
        return json::serialize(out);
    }
    const GroupIndex group = client ? snapshot.group_of(*client) : kDefaultGroup;
    const BlockPolicy& policy = snapshot.policy(group);
    LocalPath path = find_local(snapshot, name, RrType::kA);
    Verdict verdict = policy.verdict(path.name);
    if (policy.safe_search && !verdict.blocked()) {
        const std::size_t before = path.chain_size;
        lead_to_safe_search(*policy.safe_search, policy, RrType::kA, path);
        if (path.chain_size > before) {
            out["safe_search"] = path.name.to_string();
            verdict = policy.verdict(path.name);
        }
    }
    if (!policy.group.empty()) out["group"] = policy.group;
    out["name"] = name.to_string();
    if (path.name != name) out["stands_for"] = path.name.to_string();
    out["blocking"] = policy.enabled;
    const bool canary_lifted =
        path.end == LocalPath::End::kCanary && (!policy.enabled || verdict.allowed_by_rule());
    if (!path.leads_outside() && !canary_lifted) {
        const bool special = path.node == nullptr && path.zone != nullptr &&
                             path.zone->kind != ZoneKind::kAuthoritative;
        out["verdict"] = special ? "special" : "local";
        out["exists"] = path.node != nullptr || path.end == LocalPath::End::kLoopback;
        if (path.zone != nullptr) out["zone"] = path.zone->apex.to_string();
        if (special)
            out["undo"] = "add \"" + path.zone->apex.to_string() + "\" to dns.special.except";
        if (path.node != nullptr) {
            json::array addresses;
            for (const auto& address : path.node->addresses())
                addresses.emplace_back(address.to_string());
            out["addresses"] = std::move(addresses);
        }
        return json::serialize(out);
    }
    const bool forwarded_zone = path.end == LocalPath::End::kForward;
    out["verdict"] = verdict.blocked() ? "blocked" : "forwarded";
    if (forwarded_zone) out["zone"] = path.zone->apex.to_string();
    if (path.is_rewritten())
        if (const auto sought = path.sought()) out["asked_as"] = sought->to_string();
    out["upstreams"] = servers_of(snapshot, forwarded_zone ? path.zone->group : policy.upstreams);
    if (!bogus.empty() && !verdict.blocked()) {
        out["dnssec"] = "bogus";
        out["dnssec_reason"] = bogus;
    }
    add_verdict(out, policy, lists, path.name, verdict);
    return json::serialize(out);
}

}  // namespace hearth::dns
