#include "dns/bind/query_json.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace hearth::dns {

std::string_view to_string(VerdictSource source) noexcept {
    switch (source) {
        case VerdictSource::kNothing: return "none";
        case VerdictSource::kAllowRule: return "allow_rule";
        case VerdictSource::kDenyRule: return "deny_rule";
        case VerdictSource::kAllowList: return "allow_list";
        case VerdictSource::kBlockList: return "block_list";
        case VerdictSource::kRebinding: return "rebinding";
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
        case VerdictSource::kBlockList: break;
    }
    if (!policy.lists || verdict.index >= policy.lists->set.lists().size()) return {};
    return std::string(policy.lists->set.lists()[verdict.index].name);
}

std::string query_json(const QueryRecord& record, const Snapshot& snapshot) {
    boost::json::object object;
    object["time_ms"] = record.wall_ms;
    object["client"] = record.client.to_string();
    object["transport"] = to_string(record.transport);
    object["name"] = record.qname.to_string();
    object["type"] = to_string(record.qtype);
    object["rcode"] = to_string(record.outcome.rcode);
    object["reason"] = to_string(record.outcome.reason);
    object["duration_us"] = record.duration_us;
    if (record.outcome.verdict.source != VerdictSource::kNothing) {
        object["matched"] = to_string(record.outcome.verdict.source);
        object["by"] =
            verdict_source_name(record.outcome.verdict, snapshot.policy(record.outcome.group));
    }
    return boost::json::serialize(object);
}

}  // namespace hearth::dns
