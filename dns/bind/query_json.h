#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <string>
#include <vector>

#include "dns/core/query_entry.h"
#include "dns/core/query_log.h"
#include "dns/core/snapshot.h"
#include "dns/io/worker.h"

namespace hearth::dns {

// What the workers' tables call their upstreams.
class UpstreamNames {
public:
    explicit UpstreamNames(const std::vector<std::unique_ptr<Worker>>& workers);
    // Empty for QueryOutcome::kNoUpstream.
    [[nodiscard]] std::string of(std::size_t worker, std::uint16_t upstream) const;

private:
    std::vector<Worker::Report> reports_;
};

// What a record says, with the names of lists and rules as `snapshot` has them.
[[nodiscard]] QueryEntry entry_of(const QueryRecord& record, const Snapshot& snapshot,
                                  std::string upstream);

// One question as `/queries` and `/events?topic=query` give it (docs/dns-seeing.md).
[[nodiscard]] boost::json::object query_object(const QueryEntry& entry, const Snapshot& snapshot);

// "stevenblack", or the rule's text; empty when nothing matched.
[[nodiscard]] std::string verdict_source_name(const Verdict& verdict, const BlockPolicy& policy);

// "none", "allow_rule", "deny_rule", "allow_list", "block_list"
[[nodiscard]] std::string_view to_string(VerdictSource source) noexcept;

}  // namespace hearth::dns
