#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "dns/core/query_entry.h"
#include "dns/core/top_counter.h"
#include "dns/model/query_context.h"

namespace hearth::dns {

// What the most frequent are counted of.
enum class TopKind : std::uint8_t { kName, kBlockedName, kClient, kList, kUpstream };
inline constexpr std::size_t kTopKindCount = 5;

// Ten minutes of totals.
using ReasonCounts = std::array<std::uint64_t, kReasonCount>;
[[nodiscard]] std::uint64_t total_of(const ReasonCounts& counts) noexcept;

inline constexpr std::int64_t kSlotMs = 600'000;
inline constexpr std::int64_t kHourMs = 3'600'000;
inline constexpr std::int64_t kDayMs = 24 * kHourMs;

// What questions add up to, so that totals and tops never need the questions themselves: totals for
// each ten minutes and the most frequent for each hour, for the last day and in bounded memory
// (about 1 MB). What is older is in the database.
class QueryRollup {
public:
    static constexpr std::size_t kKeptPerHour = 200;  // of each kind, once the hour is over

    void add(const QueryEntry& entry);
    // Questions that were answered but not seen one by one.
    void add_total(std::int64_t wall_ms, Reason reason, std::uint64_t count);
    void add_top(std::int64_t hour, TopKind kind, std::string_view key, std::uint64_t count);
    // Forgets hours before the last day.
    void forget_before(std::int64_t now_ms);

    // From this time on (a whole hour) everything is here; what is older is not.
    [[nodiscard]] std::int64_t begin_ms() const noexcept { return begin_hour_ * kHourMs; }

    // Slots by wall_ms / kSlotMs.
    [[nodiscard]] const std::map<std::int64_t, ReasonCounts>& slots() const noexcept {
        return slots_;
    }
    struct Hour {
        std::vector<TopCounter> tops;  // by TopKind
        bool is_changed = true;        // since it was last written
    };
    [[nodiscard]] std::map<std::int64_t, Hour>& hours() noexcept { return hours_; }
    [[nodiscard]] const std::map<std::int64_t, Hour>& hours() const noexcept { return hours_; }

private:
    [[nodiscard]] Hour* hour_at(std::int64_t hour);

    std::int64_t begin_hour_ = 0;
    std::map<std::int64_t, ReasonCounts> slots_;
    std::map<std::int64_t, Hour> hours_;
};

}  // namespace hearth::dns
