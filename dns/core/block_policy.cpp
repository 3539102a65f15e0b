#include "dns/core/block_policy.h"

namespace hearth::dns {

void NameRules::add(const Name& name, RuleReach reach) {
    const auto index = static_cast<std::uint32_t>(texts_.size());
    texts_.push_back((reach == RuleReach::kBelowOnly ? "*." : "") + name.to_string());
    Rules& rules = names_[std::string(as_text(name.wire()))];
    if (reach == RuleReach::kNameAndBelow && rules.at == kNoRule) rules.at = index;
    if (rules.below == kNoRule) rules.below = index;
}

std::optional<std::uint32_t> NameRules::match(const Name& qname) const noexcept {
    if (names_.empty()) return std::nullopt;
    const auto whole = as_text(qname.wire());
    for (auto wire = whole;; wire = wire.substr(static_cast<unsigned char>(wire[0]) + 1U)) {
        const auto found = names_.find(wire);
        if (found != names_.end()) {
            const Rules& rules = found->second;
            const auto rule = wire.size() == whole.size() ? rules.at : rules.below;
            if (rule != kNoRule) return rule;
        }
        if (wire.size() == 1) return std::nullopt;
    }
}

Verdict BlockPolicy::verdict(const Name& qname) const noexcept {
    if (!enabled) return {};
    if (allow) {
        if (const auto rule = allow->match(qname)) return {VerdictSource::kAllowRule, *rule};
    }
    if (deny) {
        if (const auto rule = deny->match(qname)) return {VerdictSource::kDenyRule, *rule};
    }
    if (!lists) return {};
    const Match match = lists->set.match(qname, active_lists);
    switch (match.action) {
        case ListAction::kNone: return {};
        case ListAction::kAllow: return {VerdictSource::kAllowList, match.list};
        case ListAction::kBlock: return {VerdictSource::kBlockList, match.list};
    }
    return {};
}

std::string_view BlockPolicy::explain(const Verdict& verdict) const noexcept {
    if (verdict.source == VerdictSource::kBlockList && list_texts &&
        verdict.index < list_texts->size())
        return (*list_texts)[verdict.index];
    if (verdict.source == VerdictSource::kDenyRule) return "Blocked by a deny rule";
    return {};
}

}  // namespace hearth::dns
