#include "dns/bind/query_json.h"

#include <boost/json/object.hpp>
#include <utility>

namespace hearth::dns {

std::string_view to_string(VerdictSource source) noexcept {
    switch (source) {
        case VerdictSource::kNothing: return "none";
        case VerdictSource::kAllowRule: return "allow_rule";
        case VerdictSource::kDenyRule: return "deny_rule";
        case VerdictSource::kAllowList: return "allow_list";
        case VerdictSource::kBlockList: return "block_list";
        case VerdictSource::kRebinding: return "rebinding";
        case VerdictSource::kListRewrite: return "list_rewrite";
    }
    return "none";
}

std::string verdict_source_name(const Verdict& verdict, const BlockPolicy& policy) {
    switch (verdict.source) {
        case VerdictSource::kNothing:
        case VerdictSource::kRebinding: return {};
        case VerdictSource::kAllowRule:
        case VerdictSource::kDenyRule: return std::string(policy.rule_text(verdict));
        case VerdictSource::kAllowList:
        case VerdictSource::kBlockList:
        case VerdictSource::kListRewrite: break;
    }
    if (!policy.lists || verdict.list() >= policy.lists->set.lists().size()) return {};
    return std::string(policy.lists->set.lists()[verdict.list()].name);
}

UpstreamNames::UpstreamNames(const std::vector<std::unique_ptr<Worker>>& workers) {
    for (const auto& worker : workers) reports_.push_back(worker->report());
}

std::string UpstreamNames::of(std::size_t worker, std::uint16_t upstream) const {
    const auto& upstreams = reports_[worker].upstreams;
    return upstream < upstreams.size() ? upstreams[upstream].server.to_string() : std::string();
}

QueryEntry entry_of(const QueryRecord& record, const Snapshot& snapshot, std::string upstream) {
    QueryEntry entry;
    entry.wall_ms = record.wall_ms;
    entry.duration_us = record.duration_us;
    entry.client = record.client;
    entry.name = record.qname.to_string();
    entry.type = record.qtype;
    entry.rcode = record.outcome.rcode;
    entry.reason = record.outcome.reason;
    entry.transport = record.transport;
    entry.ede = record.outcome.ede;
    entry.matched = record.outcome.verdict.source;
    entry.is_stale = record.outcome.is_stale;
    const BlockPolicy& policy = snapshot.policy(record.outcome.group);
    entry.by = verdict_source_name(record.outcome.verdict, policy);
    entry.group = policy.group;
    entry.upstream = std::move(upstream);
    return entry;
}

boost::json::object query_object(const QueryEntry& entry, const Snapshot& snapshot) {
    boost::json::object object;
    if (entry.id != 0) object["id"] = entry.id;
    object["time_ms"] = entry.wall_ms;
    if (entry.client) {
        object["client"] = entry.client->to_string();
        const auto called = snapshot.client_name(*entry.client);
        if (!called.empty()) object["client_name"] = called;
    }
    object["transport"] = to_string(entry.transport);
    if (!entry.name.empty()) object["name"] = entry.name;
    object["type"] = to_string(entry.type);
    object["rcode"] = to_string(entry.rcode);
    object["reason"] = to_string(entry.reason);
    object["duration_us"] = entry.duration_us;
    if (entry.matched != VerdictSource::kNothing) {
        object["matched"] = to_string(entry.matched);
        if (!entry.by.empty()) object["by"] = entry.by;
    }
    if (!entry.group.empty()) object["group"] = entry.group;
    if (!entry.upstream.empty()) object["upstream"] = entry.upstream;
    if (entry.ede != EdeCode::kOther) object["ede"] = static_cast<unsigned>(entry.ede);
    if (entry.is_stale) object["stale"] = true;
    return object;
}

}  // namespace hearth::dns
