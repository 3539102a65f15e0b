#include "runtime/daemon_status.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <ctime>

#include "runtime/daemon.h"

namespace hearth::runtime {

namespace {

namespace json = boost::json;

std::string_view state_of(const Health& health, const std::vector<Problem>& problems) {
    const bool serious = std::any_of(problems.begin(), problems.end(), [](const Problem& p) {
        return p.severity == Severity::kError;
    });
    if (!health.healthy || serious) return "error";
    return problems.empty() ? "ok" : "warn";
}

json::value null_if_empty(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

WallTime wall_now() {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
}

std::string to_rfc3339(WallTime time) {
    const auto seconds = static_cast<std::time_t>(
        std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text.data();
}

json::object common_status(const std::string& daemon, const std::string& node, Duration uptime,
                           const Health& health, const std::vector<Problem>& problems,
                           const ConfigStatus& config) {
    json::array list;
    for (const Problem& problem : problems) {
        list.push_back({{"name", problem.name},
                        {"detail", problem.detail},
                        {"since", to_rfc3339(problem.since)}});
    }
    json::object status;
    status["daemon"] = daemon;
    status["node"] = node;
    status["version"] = HEARTH_VERSION;
    status["uptime_s"] = std::chrono::duration_cast<std::chrono::seconds>(uptime).count();
    status["state"] = state_of(health, problems);
    status["health"] = {{"healthy", health.healthy}, {"reason", null_if_empty(health.reason)}};
    status["problems"] = std::move(list);
    status["config"] = {{"hash", config.hash},
                        {"loaded_at", to_rfc3339(config.loaded_at)},
                        {"stale", config.stale()},
                        {"error", null_if_empty(config.error)}};
    return status;
}

std::string health_json(const Health& health) {
    return json::serialize(
        json::object{{"healthy", health.healthy}, {"reason", null_if_empty(health.reason)}});
}

}  // namespace hearth::runtime
