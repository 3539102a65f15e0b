#include "dns/core/query_rollup.h"

#include <algorithm>
#include <numeric>

namespace hearth::dns {
namespace {

// Room for the hour that runs; names come in great variety.
constexpr std::array<std::size_t, kTopKindCount> kRoom = {1000, 500, 300, 100, 50};
constexpr std::int64_t kHours = 24;
constexpr std::int64_t kSlotsPerHour = kHourMs / kSlotMs;

}  // namespace

std::uint64_t total_of(const ReasonCounts& counts) noexcept {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

QueryRollup::Hour* QueryRollup::hour_at(std::int64_t hour) {
    if (hour < begin_hour_) return nullptr;
    const auto [found, is_new] = hours_.try_emplace(hour);
    if (is_new) {
        for (const std::size_t room : kRoom) found->second.tops.emplace_back(room);
        // The hour before will hardly change any more.
        if (found != hours_.begin())
            for (auto& tops : std::prev(found)->second.tops) tops.keep(kKeptPerHour);
    }
    found->second.is_changed = true;
    return &found->second;
}

void QueryRollup::add_total(std::int64_t wall_ms, Reason reason, std::uint64_t count) {
    if (wall_ms < begin_ms()) return;
    slots_[wall_ms / kSlotMs][static_cast<std::size_t>(reason)] += count;
}

void QueryRollup::add_top(std::int64_t hour, TopKind kind, std::string_view key,
                          std::uint64_t count) {
    if (key.empty()) return;
    if (Hour* found = hour_at(hour)) found->tops[static_cast<std::size_t>(kind)].add(key, count);
}

void QueryRollup::add(const QueryEntry& entry) {
    add_total(entry.wall_ms, entry.reason, 1);
    const std::int64_t hour = entry.wall_ms / kHourMs;
    const bool is_blocked = entry.reason == Reason::kBlocked;
    add_top(hour, is_blocked ? TopKind::kBlockedName : TopKind::kName, entry.name, 1);
    if (entry.client) add_top(hour, TopKind::kClient, entry.client->to_string(), 1);
    if (is_blocked && is_of_list(entry.matched)) add_top(hour, TopKind::kList, entry.by, 1);
    add_top(hour, TopKind::kUpstream, entry.upstream, 1);
}

void QueryRollup::forget_before(std::int64_t now_ms) {
    begin_hour_ = std::max<std::int64_t>(0, now_ms / kHourMs - kHours);
    hours_.erase(hours_.begin(), hours_.lower_bound(begin_hour_));
    slots_.erase(slots_.begin(), slots_.lower_bound(begin_hour_ * kSlotsPerHour));
}

}  // namespace hearth::dns
