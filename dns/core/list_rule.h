#pragma once

#include <cstdint>

#include "base/name.h"
#include "dns/core/blocklist.h"

namespace hearth::dns {

// Which names a rule is about, seen from the name it is written with.
enum class RuleScope : std::uint8_t {
    kName,          // that name alone: "0.0.0.0 ads.example", "ads.example"
    kBelow,         // what is under it: "||*.ads.example^"
    kNameAndBelow,  // both: "||ads.example^", "*.ads.example"
};

// One rule of a list. `action` is kBlock or kAllow.
struct ListRule {
    Name name;
    RuleScope scope = RuleScope::kName;
    ListAction action = ListAction::kBlock;
};

// True when the rule is about `qname`.
[[nodiscard]] inline bool covers(const ListRule& rule, const Name& qname) noexcept {
    if (qname == rule.name) return rule.scope != RuleScope::kBelow;
    return rule.scope != RuleScope::kName && qname.is_at_or_under(rule.name);
}

}  // namespace hearth::dns
