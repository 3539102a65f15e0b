#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <ctime>
#include <vector>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/event_lines.h"
#include "cli/query_options.h"
#include "cli/text_table.h"

namespace hearth::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t kShownTops = 10;
constexpr std::int64_t kRows = 24;  // of the picture of a day

void print_tops(const json::value& answer, std::string_view key, const std::string& title,
                const Console& console) {
    const auto* rows = child_of(answer, key).if_array();
    if (rows == nullptr || rows->empty()) return;
    console.out << "\n";
    TextTable table({title, "QUERIES"});
    std::int64_t shown = 0;
    for (const json::value& row : *rows) {
        if (shown++ == kShownTops) break;
        std::string name = text_of(row, "name");
        const std::string called = text_of(row, "client_name");
        if (!called.empty()) name = called + " (" + name + ")";
        table.add({{printable(name)}, {std::to_string(number_of(row, "queries"))}});
    }
    table.print(console);
}

std::string percent(std::int64_t part, std::int64_t whole) {
    if (whole == 0) return "0%";
    const std::int64_t tenths = part * 1000 / whole;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "%";
}

// "today" begins at this machine's midnight.
std::string from_of(const std::string& range) {
    if (range != "today") return range;
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    if (localtime_r(&now, &local) == nullptr) return "24h";
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    local.tm_isdst = -1;
    return std::to_string(static_cast<std::int64_t>(std::mktime(&local)) * 1000);
}

// One line for each point would be long: bars of the busiest hours' height.
void print_series(const json::value& answer, const Console& console) {
    constexpr std::int64_t kWidth = 40;
    const auto* series = child_of(answer, "series").if_array();
    if (series == nullptr || series->size() < 2) return;
    // Some twenty rows, however many points there are.
    const std::int64_t step = std::max<std::int64_t>(number_of(answer, "step_ms"), 1);
    const std::int64_t span = number_of(answer, "to_ms") - number_of(answer, "from_ms");
    const std::int64_t wide = std::max(step, (span / kRows + step - 1) / step * step);
    std::vector<std::pair<std::int64_t, std::pair<std::int64_t, std::int64_t>>> rows;
    for (const json::value& point : *series) {
        const std::int64_t at = number_of(point, "time_ms") / wide * wide;
        if (rows.empty() || rows.back().first != at) rows.push_back({at, {0, 0}});
        rows.back().second.first += number_of(point, "queries");
        rows.back().second.second += number_of(point, "blocked");
    }
    std::int64_t most = 1;
    for (const auto& [at, counts] : rows) most = std::max(most, counts.first);
    console.out << "\n";
    for (const auto& [at, counts] : rows) {
        const std::int64_t blocked = counts.second * kWidth / most;
        const std::int64_t other = counts.first * kWidth / most - blocked;
        console.out << moment_text(at) << " "
                    << console.ink(Ink::kBad, std::string(static_cast<std::size_t>(blocked), '#'))
                    << std::string(static_cast<std::size_t>(other), '=') << " " << counts.first
                    << "\n";
    }
}

}  // namespace

Exit run_queries(const Invocation& invocation, Console& console) {
    std::string target = "/queries?limit=" + url_encode(invocation.option_or("--limit", "50"));
    for (const char* option : {"--before", "--after", "--from", "--to"})
        if (invocation.has(option))
            target += "&" + std::string(option).substr(2) + "=" +
                      url_encode(invocation.option_or(option, ""));
    if (const auto filter = query_filter_text(invocation); !filter.empty()) target += "&" + filter;
    const auto answer = Daemons(invocation.run_dir()).get("dns", target);
    if (!answer) return complain_of_filter(answer.error(), console);
    if (invocation.json()) {
        console.out << json::serialize(*answer) << "\n";
        return Exit::kOk;
    }
    const auto* queries = child_of(*answer, "queries").if_array();
    if (queries == nullptr) return Exit::kOk;
    // The newest is the last, right above the prompt.
    for (auto query = queries->rbegin(); query != queries->rend(); ++query)
        console.out << moment_text(number_of(*query, "time_ms")) << " "
                    << query_text(*query, console) << "\n";
    if (const auto before = number_of(*answer, "before"); before > 0 && !invocation.has("--after"))
        console.err << "older ones: --before " << before << "\n";
    return Exit::kOk;
}

Exit run_stats(const Invocation& invocation, Console& console) {
    const std::string range = invocation.arguments.empty() ? "24h" : invocation.arguments[0];
    const auto answer =
        Daemons(invocation.run_dir()).get("dns", "/stats?from=" + url_encode(from_of(range)));
    if (!answer) return complain_of_filter(answer.error(), console);
    if (invocation.json()) {
        console.out << json::serialize(*answer) << "\n";
        return Exit::kOk;
    }
    const std::int64_t all = number_of(*answer, "queries");
    const std::int64_t blocked = number_of(*answer, "blocked");
    console.out << all << " queries, " << blocked << " blocked (" << percent(blocked, all) << ")\n";
    if (const auto* reasons = child_of(*answer, "reasons").if_object()) {
        for (const auto& [reason, count] : *reasons)
            console.out << "  " << std::string(reason) << " " << json::serialize(count);
        if (!reasons->empty()) console.out << "\n";
    }
    if (const auto lost = number_of(*answer, "lost"); lost > 0)
        console.out << lost << " more since the start came too fast to be looked at\n";
    print_series(*answer, console);
    print_tops(*answer, "blocked_names", "BLOCKED NAME", console);
    print_tops(*answer, "names", "NAME", console);
    print_tops(*answer, "clients", "CLIENT", console);
    print_tops(*answer, "lists", "LIST", console);
    print_tops(*answer, "upstreams", "UPSTREAM", console);
    return Exit::kOk;
}

}  // namespace hearth::cli
