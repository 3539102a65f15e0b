#include "dns/core/block_policy.h"

#include "dns/core/filter_rules.h"

namespace hearth::dns {
namespace {

constexpr unsigned kLayerShift = 24;
constexpr std::uint32_t kRuleMask = (1U << kLayerShift) - 1;

}  // namespace

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

Verdict BlockPolicy::verdict(const Name& qname, RrType qtype, const Asker& asker) const {
    if (!enabled) return {};
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const auto rule = layers[i].rules->match(qname);
        if (!rule) continue;
        const auto index = static_cast<std::uint32_t>(i + 1) << kLayerShift | *rule;
        return {layers[i].action == RuleAction::kAllow ? VerdictSource::kAllowRule
                                                       : VerdictSource::kDenyRule,
                false, index};
    }
    if (allow) {
        if (const auto rule = allow->match(qname)) return {VerdictSource::kAllowRule, false, *rule};
    }
    if (deny) {
        if (const auto rule = deny->match(qname)) return {VerdictSource::kDenyRule, false, *rule};
    }
    if (!lists) return {};
    const Match match = lists->set.match(qname, active_lists, qtype, asker);
    switch (match.action) {
        case ListAction::kNone: break;
        case ListAction::kAllow: return {VerdictSource::kAllowList, match.is_personal, match.list};
        case ListAction::kBlock: return {VerdictSource::kBlockList, match.is_personal, match.list};
        case ListAction::kRewrite:
            return {VerdictSource::kListRewrite, match.is_personal,
                    match.list << kLayerShift | match.rewrite};
    }
    return {VerdictSource::kNothing, match.is_personal, 0};
}

const RewriteAnswer& BlockPolicy::rewrite_of(const Verdict& verdict) const noexcept {
    return lists->set.filters()->rewrite(verdict.index & kRuleMask);
}

std::string_view BlockPolicy::explain(const Verdict& verdict) const noexcept {
    if (is_of_list(verdict.source) && list_texts && verdict.list() < list_texts->size())
        return (*list_texts)[verdict.list()];
    if (verdict.source == VerdictSource::kRebinding)
        return "A public server gave an address of the house (dns.rebinding)";
    if (verdict.source != VerdictSource::kDenyRule) return {};
    if (const RuleLayer* layer = layer_of(verdict)) return layer->text;
    return "Blocked by a deny rule";
}

// RFC 8914 §4.16 and 4.18: 15 is the house's own policy, 17 one that was asked for this client. 16
// is for what somebody outside demands; nobody here does. 4 is an answer made up by a policy.
EdeCode BlockPolicy::ede(const Verdict& verdict) const noexcept {
    if (verdict.source == VerdictSource::kListRewrite) return EdeCode::kForgedAnswer;
    return layer_of(verdict) != nullptr ? EdeCode::kFiltered : EdeCode::kBlocked;
}

const RuleLayer* BlockPolicy::layer_of(const Verdict& verdict) const noexcept {
    if (verdict.source != VerdictSource::kAllowRule && verdict.source != VerdictSource::kDenyRule)
        return nullptr;
    const std::size_t layer = verdict.index >> kLayerShift;
    return layer == 0 || layer > layers.size() ? nullptr : &layers[layer - 1];
}

std::string_view BlockPolicy::rule_text(const Verdict& verdict) const noexcept {
    const NameRules* rules = nullptr;
    if (const RuleLayer* layer = layer_of(verdict)) {
        rules = layer->rules.get();
    } else if (verdict.source == VerdictSource::kAllowRule) {
        rules = allow.get();
    } else if (verdict.source == VerdictSource::kDenyRule) {
        rules = deny.get();
    }
    const std::size_t rule = verdict.index & kRuleMask;
    return rules != nullptr && rule < rules->texts().size() ? std::string_view(rules->texts()[rule])
                                                            : std::string_view{};
}

}  // namespace hearth::dns
