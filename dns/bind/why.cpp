#include "dns/bind/why.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>

#include "dns/bind/query_json.h"
#include "dns/core/answer_inspection.h"
#include "dns/core/local_answer.h"
#include "dns/core/message.h"
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

// `asked` is the name to allow; `name` the one that is listed, which it may lead to.
void add_verdict(json::object& out, const BlockPolicy& policy, const ListLayout& layout,
                 const Name& asked, const Name& name, const Verdict& verdict) {
    const std::string text = asked.to_string();
    out["matched"] = to_string(verdict.source);
    switch (verdict.source) {
        case VerdictSource::kNothing: return;
        case VerdictSource::kRebinding:
            out["undo"] = "add \"" + text + "\" to dns.rebinding.allow";
            return;
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

struct Path {
    GroupIndex group = kDefaultGroup;
    const BlockPolicy* policy = nullptr;
    Asker asker;
    LocalPath path;
    Verdict verdict;
    bool is_safe_search = false;

    [[nodiscard]] bool canary_is_lifted() const noexcept {
        return path.end == LocalPath::End::kCanary &&
               (!policy->enabled || verdict.allowed_by_rule());
    }
    [[nodiscard]] bool leads_outside() const noexcept {
        return path.leads_outside() || canary_is_lifted();
    }
    [[nodiscard]] std::size_t upstreams() const noexcept {
        return path.end == LocalPath::End::kForward ? path.zone->group : policy->upstreams;
    }
};

Path path_of(const Snapshot& snapshot, const WhyQuestion& why) {
    Path way;
    if (why.client) way.group = snapshot.group_of(*why.client);
    way.policy = &snapshot.policy(way.group);
    if (why.client) way.asker = {&*why.client, snapshot.client_names.get()};
    way.path = find_local(snapshot, why.name, RrType::kA);
    way.verdict = way.policy->verdict(way.path.name, RrType::kA, way.asker);
    if (way.policy->safe_search && !way.verdict.blocked()) {
        const std::size_t before = way.path.chain_size;
        lead_to_safe_search(*way.policy->safe_search, *way.policy, RrType::kA, way.path);
        way.is_safe_search = way.path.chain_size > before;
        if (way.is_safe_search)
            way.verdict = way.policy->verdict(way.path.name, RrType::kA, way.asker);
    }
    return way;
}

// What the answer of the upstreams shows besides: a listed name it leads to, or an address of the
// house. `target` is that name.
Verdict judge_answer(const Snapshot& snapshot, const WhyQuestion& why, const Path& way,
                     Name& target) {
    const auto answer = parse_answer(why.answer);
    if (!answer || way.verdict.allowed()) return {};
    const AnswerImage image = image_of(why.answer, *answer);
    const auto& servers = snapshot.groups[way.upstreams()].servers;
    const bool is_public = std::none_of(
        servers.begin(), servers.end(),
        [](const UpstreamServer& server) { return is_of_the_house(server.endpoint.address); });
    target = way.path.name;
    if (is_public && snapshot.rebinding_allowed &&
        !snapshot.rebinding_allowed->match(way.path.name) && names_the_house(image))
        return {VerdictSource::kRebinding, false, 0};
    return inspect_targets(image, *way.policy, RrType::kA, way.asker, &target);
}

void add_off(json::object& out, const BlockPolicy& policy) {
    out["place"] = policy.off_by;
    if (policy.off_by == "hearth blocking off") {
        out["undo"] = "hearth blocking on";
    } else if (policy.off_by.ends_with(".schedule")) {
        out["undo"] = "wait for the schedule to end, or change " + policy.off_by;
    } else {
        out["undo"] = "set blocking.enabled: true";
    }
}

std::string refused(const WhyQuestion& why) {
    const std::string client = why.client->to_string();
    return json::serialize(json::object{{"name", why.name.to_string()},
                                        {"verdict", "refused"},
                                        {"client", client},
                                        {"undo", "add " + client + " to dns.clients"}});
}

void add_local(json::object& out, const LocalPath& path) {
    const bool special =
        path.node == nullptr && path.zone != nullptr && path.zone->kind != ZoneKind::kAuthoritative;
    out["verdict"] = special ? "special" : "local";
    out["exists"] = path.node != nullptr || path.end == LocalPath::End::kLoopback;
    if (path.zone != nullptr) out["zone"] = path.zone->apex.to_string();
    if (special) out["undo"] = "add \"" + path.zone->apex.to_string() + "\" to dns.special.except";
    if (path.node == nullptr) return;
    json::array addresses;
    for (const auto& address : path.node->addresses()) addresses.emplace_back(address.to_string());
    out["addresses"] = std::move(addresses);
}

}  // namespace

std::optional<WhyErrand> errand_of(const Snapshot& snapshot, const WhyQuestion& why) {
    if (why.client && !snapshot.serves(*why.client)) return std::nullopt;
    const Path way = path_of(snapshot, why);
    const auto sought = way.path.sought();
    if (!way.leads_outside() || way.verdict.blocked() || way.verdict.allowed() ||
        !way.policy->enabled || !sought || way.upstreams() >= snapshot.groups.size())
        return std::nullopt;
    return WhyErrand{*sought, static_cast<std::uint16_t>(way.upstreams())};
}

std::string explain_name(const Snapshot& snapshot, const ListLayout& lists,
                         const WhyQuestion& why) {
    if (why.client && !snapshot.serves(*why.client)) return refused(why);
    Path way = path_of(snapshot, why);
    const LocalPath& path = way.path;
    json::object out;
    if (way.is_safe_search) out["safe_search"] = path.name.to_string();
    if (!way.policy->group.empty()) out["group"] = way.policy->group;
    out["name"] = why.name.to_string();
    if (path.name != why.name) out["stands_for"] = path.name.to_string();
    out["blocking"] = way.policy->enabled;
    if (!way.policy->enabled) add_off(out, *way.policy);
    if (!way.leads_outside()) {
        add_local(out, path);
        return json::serialize(out);
    }
    Name listed = path.name;
    if (!way.verdict.blocked() && !why.answer.empty() && way.policy->enabled) {
        Name target;
        const Verdict shown = judge_answer(snapshot, why, way, target);
        if (shown.blocked()) {
            way.verdict = shown;
            listed = target;
            if (target != path.name) out["leads_to"] = target.to_string();
        }
    }
    out["verdict"] = way.verdict.blocked() ? "blocked" : "forwarded";
    if (path.end == LocalPath::End::kForward) out["zone"] = path.zone->apex.to_string();
    if (path.is_rewritten())
        if (const auto sought = path.sought()) out["asked_as"] = sought->to_string();
    out["upstreams"] = servers_of(snapshot, way.upstreams());
    if (!why.bogus.empty() && !way.verdict.blocked()) {
        out["dnssec"] = "bogus";
        out["dnssec_reason"] = why.bogus;
    }
    add_verdict(out, *way.policy, lists, path.name, listed, way.verdict);
    return json::serialize(out);
}

}  // namespace hearth::dns
