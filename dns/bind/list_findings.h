#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "dns/core/block_policy.h"
#include "dns/core/list_layout.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"

namespace hearth::dns {

// What the last run of hearth-lists said (docs/blocklists.md), as far as people are told here.
struct ListFinding {
    std::string name;
    std::string state;  // ok, stale, missing
    std::string error;
    std::string fetched_at;
    std::uint64_t entries = 0;
    std::uint64_t skipped = 0;
    std::uint64_t invalid = 0;
};

struct ListFindings {
    std::vector<ListFinding> lists;
    std::string error;  // of the image
    std::string text;   // what was parsed

    [[nodiscard]] const ListFinding* find(std::string_view list) const noexcept;
};

// Whatever is not there or not understood is left out.
[[nodiscard]] ListFindings parse_list_findings(std::string_view json);
// Blocks on the disk.
[[nodiscard]] ListFindings read_list_findings(const ListLayout& layout);

// lists_failing: a list of the document could not be brought up to date.
// lists_not_compiled: the image could not be written; the one before serves.
void raise_list_problems(const ListFindings& findings, const config::Blocking& blocking,
                         runtime::Problems& problems);

// For /status; `image` is null when there is none.
[[nodiscard]] boost::json::object describe_lists(const ListFindings& findings, bool is_enabled,
                                                 const BlockLists* image);

// hearth_dns_blocklist_refresh_timestamp_seconds{list}
void collect_lists(const ListFindings& findings, runtime::MetricSink& sink);

}  // namespace hearth::dns
