#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace hearth::runtime {

enum class Severity : std::uint8_t { kWarn, kError };

struct Problem {
    std::string name;    // stable, snake_case: "list_stale", "vip_conflict"
    std::string detail;  // what is wrong, and what to do
    Severity severity = Severity::kWarn;
    WallTime since{};
};

// What is wrong now and survived: the `problems` of /status, and of `hearth status`. Any thread;
// takes a lock, so not per packet. Raising what is already raised updates its detail and keeps
// `since`; a new one is logged.
class Problems {
public:
    void raise(std::string_view name, std::string detail, Severity severity = Severity::kWarn);
    void clear(std::string_view name);
    [[nodiscard]] std::vector<Problem> list() const;  // oldest first

private:
    mutable std::mutex mutex_;
    std::map<std::string, Problem, std::less<>> problems_;
};

}  // namespace hearth::runtime
