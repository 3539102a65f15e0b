#pragma once

#include <string>

#include "dns/core/query_log.h"
#include "dns/core/snapshot.h"

namespace hearth::dns {

// One logged question as a JSON object on one line, as `/queries` and `/events?topic=query` give it
// (docs/dns.md). Names of lists and rules are those of `snapshot`.
[[nodiscard]] std::string query_json(const QueryRecord& record, const Snapshot& snapshot);

// "stevenblack", or the rule's text; empty when nothing matched.
[[nodiscard]] std::string verdict_source_name(const Verdict& verdict, const BlockPolicy& policy);

// "none", "allow_rule", "deny_rule", "allow_list", "block_list"
[[nodiscard]] std::string_view to_string(VerdictSource source) noexcept;

}  // namespace hearth::dns
