#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "dns/core/list_parser.h"

// What a run of hearth-lists leaves in status.json (docs/blocklists.md).
namespace hearth::dns {

enum class ListState : std::uint8_t {
    kOk,       // what is compiled is what the source last gave
    kStale,    // the source gave nothing usable; the last good copy is compiled
    kMissing,  // and there is no copy: nothing of this list is compiled
};

[[nodiscard]] std::string_view to_string(ListState state) noexcept;

struct ListReport {
    std::string name;
    std::string source;  // URL or path
    ListKind kind = ListKind::kBlock;
    std::chrono::seconds refresh{};  // how often its source is asked
    ListState state = ListState::kMissing;
    ListCounts counts;
    std::optional<WallTime> fetched_at;  // when the copy's text came
    std::optional<WallTime> checked_at;  // when the source last answered, also "unchanged"
    std::string etag;
    std::string last_modified;
    std::string error;  // of the last attempt; empty when it went well
};

struct RunReport {
    WallTime finished_at{};
    std::vector<ListReport> lists;
    std::uint64_t names = 0;        // distinct, in the image
    std::uint64_t image_bytes = 0;  // 0: no image could be made
    std::string error;              // of the image; empty when it went well

    [[nodiscard]] const ListReport* find(std::string_view list) const noexcept;
    // True when every list is fresh and the image is written.
    [[nodiscard]] bool good() const noexcept;
};

[[nodiscard]] std::string to_json(const RunReport& report);
// What cannot be read is left out: the report of an earlier run is a convenience.
[[nodiscard]] RunReport parse_report(std::string_view json);

}  // namespace hearth::dns
