#include "dns/lists/list_report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <utility>

namespace hearth::dns {
namespace {

namespace json = boost::json;

// 2026-11-20T23:15:55Z
std::string format_time(WallTime at) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

std::optional<WallTime> parse_time(const std::string& text) {
    std::tm utc{};
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return WallTime(std::chrono::seconds(::timegm(&utc)));
}

json::value time_or_null(std::optional<WallTime> at) {
    if (!at) return nullptr;
    return json::value(format_time(*at));
}

json::value text_or_null(const std::string& text) {
    if (text.empty()) return nullptr;
    return json::value(text);
}

json::array examples(const std::vector<LineExample>& lines) {
    json::array out;
    for (const LineExample& line : lines)
        out.push_back({{"line", line.number}, {"text", line.text}, {"reason", line.reason}});
    return out;
}

json::object list_json(const ListReport& list) {
    return {{"name", list.name},
            {"source", list.source},
            {"kind", list.kind == ListKind::kAllow ? "allow" : "block"},
            {"refresh_s", list.refresh.count()},
            {"state", to_string(list.state)},
            {"entries", list.counts.taken},
            {"skipped", list.counts.skipped},
            {"skipped_examples", examples(list.counts.skipped_examples)},
            {"invalid", list.counts.invalid},
            {"invalid_examples", examples(list.counts.invalid_examples)},
            {"fetched_at", time_or_null(list.fetched_at)},
            {"checked_at", time_or_null(list.checked_at)},
            {"etag", text_or_null(list.etag)},
            {"last_modified", text_or_null(list.last_modified)},
            {"error", text_or_null(list.error)}};
}

std::string text_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

}  // namespace

std::string_view to_string(ListState state) noexcept {
    switch (state) {
        case ListState::kOk: return "ok";
        case ListState::kStale: return "stale";
        case ListState::kMissing: return "missing";
    }
    return "missing";
}

const ListReport* RunReport::find(std::string_view list) const noexcept {
    const auto at = std::find_if(lists.begin(), lists.end(),
                                 [&](const ListReport& report) { return report.name == list; });
    return at == lists.end() ? nullptr : &*at;
}

bool RunReport::good() const noexcept {
    return error.empty() && std::all_of(lists.begin(), lists.end(), [](const ListReport& list) {
               return list.state == ListState::kOk && list.error.empty();
           });
}

std::string to_json(const RunReport& report) {
    json::array lists;
    for (const ListReport& list : report.lists) lists.push_back(list_json(list));
    return json::serialize(json::object{{"finished_at", format_time(report.finished_at)},
                                        {"names", report.names},
                                        {"image_bytes", report.image_bytes},
                                        {"error", text_or_null(report.error)},
                                        {"lists", std::move(lists)}}) +
           "\n";
}

RunReport parse_report(std::string_view text) {
    RunReport report;
    json::error_code error;
    const json::value document = json::parse(text, error);
    if (error || !document.is_object()) return report;
    const json::value* lists = document.get_object().if_contains("lists");
    if (lists == nullptr || !lists->is_array()) return report;
    for (const json::value& entry : lists->get_array()) {
        if (!entry.is_object()) continue;
        const json::object& object = entry.get_object();
        ListReport list;
        list.name = text_at(object, "name");
        list.source = text_at(object, "source");
        list.fetched_at = parse_time(text_at(object, "fetched_at"));
        list.checked_at = parse_time(text_at(object, "checked_at"));
        list.etag = text_at(object, "etag");
        list.last_modified = text_at(object, "last_modified");
        list.error = text_at(object, "error");
        report.lists.push_back(std::move(list));
    }
    return report;
}

}  // namespace hearth::dns
