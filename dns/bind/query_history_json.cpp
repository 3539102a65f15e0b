#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "dns/bind/query_history.h"
#include "dns/bind/query_json.h"

// What /queries and /stats answer.
namespace hearth::dns {
namespace {

namespace json = boost::json;

constexpr std::size_t kTops = 50;
constexpr std::size_t kTopRoom = 4000;
constexpr std::array<const char*, kTopKindCount> kTopNames = {"names", "blocked_names", "clients",
                                                              "lists", "upstreams"};

// Fine enough for a picture, and never more than some 300 points.
std::int64_t step_for(QueryDatabase::Range range) {
    const std::int64_t span = range.to_ms - range.from_ms;
    if (span <= 2 * kDayMs) return kSlotMs;
    return span <= 12 * kDayMs ? kHourMs : kDayMs;
}

json::object totals_json(const ReasonCounts& totals) {
    json::object reasons;
    for (std::size_t reason = 0; reason < totals.size(); ++reason)
        if (totals[reason] > 0)
            reasons[std::string(to_string(static_cast<Reason>(reason)))] = totals[reason];
    return reasons;
}

}  // namespace

std::string QueryHistory::page_json(const QueryPageRequest& request) {
    const auto snapshot = sources_.snapshots.load();
    const auto name_of = [&](const IpAddress& client) { return snapshot->client_name(client); };
    std::vector<QueryEntry> found;
    std::int64_t resume = 0;
    const std::int64_t in_memory_from = recent_.empty() ? next_id_ : recent_.front().id;
    const auto read_database = [&] {
        if (!database_ || found.size() >= request.limit) return;
        const auto read =
            database_->read(request, in_memory_from, name_of, request.limit - found.size(), found);
        if (read) {
            resume = *read;
        } else {
            database_failed(read.error());
        }
    };
    const auto take = [&](const QueryEntry& entry) {
        if (found.size() >= request.limit || !request.filter.takes(entry, name_of)) return;
        found.push_back(entry);
        if (found.size() == request.limit) resume = entry.id;
    };
    const bool forwards = request.after.has_value();
    if (forwards) {
        read_database();
        if (resume == 0)
            for (const QueryEntry& entry : recent_)
                if (entry.id > *request.after) take(entry);
        std::reverse(found.begin(), found.end());
    } else {
        for (auto entry = recent_.rbegin(); entry != recent_.rend(); ++entry)
            if (entry->id < request.before.value_or(INT64_MAX)) take(*entry);
        read_database();
    }
    json::object answer;
    json::array queries;
    for (const QueryEntry& entry : found) queries.push_back(query_object(entry, *snapshot));
    answer["queries"] = std::move(queries);
    const std::int64_t end = next_id_ - 1;
    if (forwards) {
        answer["before"] = *request.after + 1;
        answer["after"] = resume != 0 ? resume : std::max(end, *request.after);
    } else {
        if (resume > 1) answer["before"] = resume;
        answer["after"] = std::min(end, request.before.value_or(next_id_) - 1);
    }
    return json::serialize(answer);
}

TopCounter QueryHistory::tops_in(QueryDatabase::Range range, TopKind kind) {
    TopCounter tops(kTopRoom);
    for (const auto& [hour, held] : rollup_.hours()) {
        const std::int64_t at = hour * kHourMs;
        if (at + kHourMs <= range.from_ms || at >= range.to_ms) continue;
        for (const auto& one : held.tops[static_cast<std::size_t>(kind)].top(kTopRoom))
            tops.add(one.key, one.count);
    }
    const QueryDatabase::Range older{range.from_ms, std::min(range.to_ms, rollup_.begin_ms())};
    if (database_ && older.from_ms < older.to_ms)
        if (auto added = database_->add_tops(older, kind, tops); !added)
            database_failed(added.error());
    return tops;
}

std::string QueryHistory::stats_json(QueryDatabase::Range range) {
    const auto snapshot = sources_.snapshots.load();
    std::map<std::int64_t, ReasonCounts> slots;
    const QueryDatabase::Range older{range.from_ms, std::min(range.to_ms, rollup_.begin_ms())};
    if (database_ && older.from_ms < older.to_ms)
        if (auto added = database_->add_slots(older, slots); !added) database_failed(added.error());
    for (const auto& [slot, counts] : rollup_.slots())
        if ((slot + 1) * kSlotMs > range.from_ms && slot * kSlotMs < range.to_ms)
            slots[slot] = counts;

    const std::int64_t step = step_for(range);
    ReasonCounts totals{};
    std::map<std::int64_t, std::pair<std::uint64_t, std::uint64_t>> points;  // all, blocked
    for (const auto& [slot, counts] : slots) {
        auto& [all, blocked] = points[slot * kSlotMs / step * step];
        all += total_of(counts);
        blocked += counts[static_cast<std::size_t>(Reason::kBlocked)];
        for (std::size_t reason = 0; reason < counts.size(); ++reason)
            totals[reason] += counts[reason];
    }
    json::object answer;
    answer["from_ms"] = range.from_ms;
    answer["to_ms"] = range.to_ms;
    answer["queries"] = total_of(totals);
    answer["blocked"] = totals[static_cast<std::size_t>(Reason::kBlocked)];
    answer["reasons"] = totals_json(totals);
    answer["lost"] = lost_;
    json::array series;
    for (const auto& [at, counts] : points)
        series.push_back({{"time_ms", at}, {"queries", counts.first}, {"blocked", counts.second}});
    answer["step_ms"] = step;
    answer["series"] = std::move(series);
    for (std::size_t kind = 0; kind < kTopKindCount; ++kind) {
        json::array rows;
        for (const auto& one : tops_in(range, static_cast<TopKind>(kind)).top(kTops)) {
            json::object row{{"name", one.key}, {"queries", one.count}};
            if (static_cast<TopKind>(kind) == TopKind::kClient) {
                const auto client = IpAddress::parse(one.key);
                const auto called = client ? snapshot->client_name(*client) : std::string_view{};
                if (!called.empty()) row["client_name"] = called;
            }
            rows.push_back(std::move(row));
        }
        answer[kTopNames[kind]] = std::move(rows);
    }
    return json::serialize(answer);
}

}  // namespace hearth::dns
