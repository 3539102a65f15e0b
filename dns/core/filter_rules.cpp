#include "dns/core/filter_rules.h"

#include <algorithm>
#include <utility>

#include "dns/core/filter_rule.h"

namespace hearth::dns {
namespace {

std::vector<std::string> patterns_of(const std::vector<FilterRules::Listed>& rules) {
    std::vector<std::string> patterns;
    for (const auto& listed : rules)
        if (!listed.rule.pattern.empty() && listed.rule.pattern != ".")
            patterns.push_back(listed.rule.pattern);
    return patterns;
}

}  // namespace

FilterRules::FilterRules(std::vector<Listed> rules) : patterns_(patterns_of(rules)) {
    std::unordered_map<std::string, std::uint32_t> known;
    rules_.reserve(rules.size());
    for (Listed& listed : rules) {
        const auto index = static_cast<std::uint32_t>(rules_.size());
        Rule& rule = rules_.emplace_back(Rule{std::move(listed), 0});
        const FilterRule& filter = rule.listed.rule;
        if (filter.rewrite) add_rewrite(rule, known);
        if (filter.pattern == ".") {
            about_all_.push_back(index);
        } else if (!filter.pattern.empty()) {
            with_pattern_.push_back(index);
        } else {
            by_name_.emplace(filter.rule.name, index);
            fewest_labels_ =
                std::min(fewest_labels_, static_cast<std::size_t>(filter.rule.name.label_count()));
        }
    }
}

// Rules that differ only in their records answer together.
void FilterRules::add_rewrite(Rule& rule, std::unordered_map<std::string, std::uint32_t>& known) {
    const RuleRewrite& rewrite = *rule.listed.rule.rewrite;
    FilterRule without = rule.listed.rule;
    without.rewrite.reset();
    const std::string key = std::to_string(rule.listed.list) + " " + to_string(without) + " " +
                            std::string(to_string(rewrite.rcode));
    const auto [at, is_new] = known.try_emplace(key, static_cast<std::uint32_t>(rewrites_.size()));
    if (is_new) rewrites_.push_back({rule.listed.list, {rewrite.rcode, {}}});
    rule.rewrite = at->second;
    if (!rewrite.type) return;
    LocalNode& node = rewrites_[at->second].answer.node;
    if (node.cname) return;
    if (*rewrite.type == RrType::kCname) {
        const auto target = Name::from_wire(rewrite.rdata);
        if (!target) return;
        node.cname = std::make_shared<const Name>(*target);
        node.sets.clear();
    }
    auto set = std::find_if(node.sets.begin(), node.sets.end(),
                            [&](const RecordSet& other) { return other.type() == *rewrite.type; });
    if (set == node.sets.end())
        set = node.sets.insert(set, RecordSet(*rewrite.type, RecordSet::kHouseTtl));
    set->add(rewrite.rdata);
}

void FilterRules::weigh(const Rule& rule, const Name& qname, RrType qtype, const Asker& asker,
                        Findings& out, bool& is_taken_back) const {
    const FilterRule& filter = rule.listed.rule;
    if (!conditions_hold(filter, qname, qtype)) return;
    if (filter.is_personal()) {
        out.is_personal = true;
        if (!is_about_client(filter, asker)) return;
    }
    const bool allows = filter.rule.action == ListAction::kAllow;
    if (filter.rewrite) {
        if (allows) {
            is_taken_back = true;
        } else if (!out.rewrite || rule.rewrite < *out.rewrite) {
            out.rewrite = rule.rewrite;
        }
        return;
    }
    const ListMask list = ListMask{1} << rule.listed.list;
    const bool important = filter.rule.weight == RuleWeight::kImportant;
    if (allows) {
        (important ? out.important_allow : out.allow) |= list;
    } else {
        (important ? out.important_block : out.block) |= list;
    }
}

FilterRules::Findings FilterRules::find(const Name& qname, RrType qtype, const Asker& asker,
                                        ListMask lists) const {
    Findings out;
    bool is_taken_back = false;
    const auto consider = [&](std::uint32_t index) {
        const Rule& rule = rules_[index];
        if ((lists >> rule.listed.list & 1) != 0)
            weigh(rule, qname, qtype, asker, out, is_taken_back);
    };
    for (const std::uint32_t index : about_all_) consider(index);
    auto labels = static_cast<std::size_t>(qname.label_count());
    for (Name name = qname; labels > 0 && labels >= fewest_labels_; name = name.parent()) {
        const auto [begin, end] = by_name_.equal_range(name);
        for (auto at = begin; at != end; ++at)
            if (covers(rules_[at->second].listed.rule.rule, qname)) consider(at->second);
        --labels;
    }
    if (patterns_.size() > 0) {
        std::vector<std::uint32_t> found;
        patterns_.match(qname.to_string(), found);
        for (const std::uint32_t place : found) consider(with_pattern_[place]);
    }
    if (is_taken_back) out.rewrite.reset();
    return out;
}

}  // namespace hearth::dns
