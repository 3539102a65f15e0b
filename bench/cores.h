#pragma once

#include <sched.h>

#include <cstdlib>
#include <vector>

namespace hearth::bench {

// This thread runs there alone from now on.
inline void pin(int cpu) noexcept {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    ::sched_setaffinity(0, sizeof set, &set);
}

// "1,3": cores, or any other whole numbers.
[[nodiscard]] inline std::vector<int> parse_numbers(const char* text) {
    std::vector<int> out;
    for (const char* at = text; *at != '\0';) {
        char* end = nullptr;
        out.push_back(static_cast<int>(std::strtol(at, &end, 10)));
        if (end == at) return {};  // no number
        at = *end == ',' ? end + 1 : end;
    }
    return out;
}

}  // namespace hearth::bench
