#pragma once

#include <string>
#include <string_view>

#include "dns/core/list_rule.h"

namespace hearth::dns {

// What came of reading a rule: the rule, or why not.
struct ParsedRule {
    enum class Fault : std::uint8_t {
        kNone,
        kSkipped,  // another blocker may understand it
        kInvalid,  // none does
    };
    Fault fault = Fault::kNone;
    std::string reason;
    FilterRule rule;
};

// A rule in AdBlock syntax, without surrounding blanks:
//
//   [@@] ||name^ | ||*.name^ | |name^ | name with * or anchors | /expression/   [$modifier,...]
//
// with the modifiers important, badfilter, denyallow, client, dnstype and dnsrewrite. A
// rule with any other modifier is skipped.
[[nodiscard]] ParsedRule parse_filter_rule(std::string_view text);

// The rule as parse_filter_rule() reads it: the same text for equal rules.
[[nodiscard]] std::string to_string(const FilterRule& rule);

}  // namespace hearth::dns
