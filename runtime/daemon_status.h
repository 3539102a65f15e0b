#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "base/time.h"
#include "runtime/problems.h"

namespace hearth::runtime {

struct Health;

// What is known about the document in force.
struct ConfigStatus {
    std::string hash;
    WallTime loaded_at{};
    std::string error;  // why the newer one was rejected; empty when there is none

    [[nodiscard]] bool stale() const { return !error.empty(); }
};

[[nodiscard]] WallTime wall_now();
// 2026-01-02T03:04:05Z
[[nodiscard]] std::string to_rfc3339(WallTime time);

// The keys of /status that all daemons share; the room adds its own to them.
[[nodiscard]] boost::json::object common_status(const std::string& daemon, const std::string& node,
                                                Duration uptime, const Health& health,
                                                const std::vector<Problem>& problems,
                                                const ConfigStatus& config);
[[nodiscard]] std::string health_json(const Health& health);

}  // namespace hearth::runtime
