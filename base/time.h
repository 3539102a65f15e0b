#pragma once

#include <chrono>

namespace hearth {

using namespace std::chrono_literals;

using Duration = std::chrono::nanoseconds;

// A moment on the monotonic clock. Cores take it as an argument and never ask for it.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// A moment people would write down (UTC); only for logs, logs' readers and certificates.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace hearth
