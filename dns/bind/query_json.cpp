#include "dns/bind/query_json.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace hearth::dns {
namespace {

std::string rule_text(const std::shared_ptr<const NameRules>& rules, std::uint32_t index) {
    return rules && index < rules->texts().size() ? rules->texts()[index] : std::string();
}

}  // namespace

std::string_view to_string(VerdictSource source) noexcept {
    switch (source) {
        case VerdictSource::kNothing: return "none";
        case VerdictSource::kAllowRule: return "allow_rule";
        case VerdictSource::kDenyRule: return "deny_rule";
        case VerdictSource::kAllowList: return "allow_list";
        case VerdictSource::kBlockList: return "block_list";
    }
    return "none";
}

std::string verdict_source_name(const Verdict& verdict, const Snapshot& snapshot) {
    const BlockPolicy& policy = snapshot.blocking;
    switch (verdict.source) {
        case VerdictSource::kNothing: return {};
        case VerdictSource::kAllowRule: return rule_text(policy.allow, verdict.index);
        case VerdictSource::kDenyRule: return rule_text(policy.deny, verdict.index);
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
        object["by"] = verdict_source_name(record.outcome.verdict, snapshot);
    }
    return boost::json::serialize(object);
}

}  // namespace hearth::dns
