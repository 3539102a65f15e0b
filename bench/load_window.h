#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace hearth::bench {

// A load begins before it is measured and ends after it, so that what is measured is neither the
// making of connections nor their end.
struct LoadWindow {
    double warm_up = 0;  // seconds
    double seconds = 2;
    std::vector<int> accounted;  // processes whose CPU time is measured

    [[nodiscard]] std::uint64_t begin(std::uint64_t start) const noexcept;
    [[nodiscard]] std::uint64_t end(std::uint64_t start) const noexcept;
    // When the load itself may end.
    [[nodiscard]] std::uint64_t over(std::uint64_t start) const noexcept;
};

struct Measured {
    std::uint64_t answered = 0;
    double seconds = 0;
    double cpu_seconds = 0;
};

[[nodiscard]] std::uint64_t now_ns() noexcept;

// Sleeps until the window's end. `answered` tells how many answers there were until now.
[[nodiscard]] Measured measure(const LoadWindow& window, std::uint64_t start,
                               const std::function<std::uint64_t()>& answered);

}  // namespace hearth::bench
