#pragma once

#include <atomic>
#include <cstddef>

namespace hearth::runtime {

// How many connections several acceptors may have at a time, all together. Any thread.
class ConnectionBudget {
public:
    explicit ConnectionBudget(std::size_t most) noexcept : most_(most) {}

    // False: no more.
    [[nodiscard]] bool take() noexcept {
        if (taken_.fetch_add(1, std::memory_order_relaxed) < most_.load(std::memory_order_relaxed))
            return true;
        give_back();
        return false;
    }
    void give_back() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }

    // From now on; what was taken beyond it stays.
    void set_most(std::size_t most) noexcept { most_.store(most, std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> most_;
    std::atomic<std::size_t> taken_ = 0;
};

}  // namespace hearth::runtime
