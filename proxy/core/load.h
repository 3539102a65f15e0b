#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace hearth::proxy {

// How many requests and streams an endpoint has under way, of all workers.
using Load = std::atomic<std::size_t>;

// One of them while it lives; an empty one is counted nowhere.
class RunningLoad {
public:
    RunningLoad() noexcept = default;
    explicit RunningLoad(std::shared_ptr<Load> load) noexcept : load_(std::move(load)) {
        if (load_) load_->fetch_add(1, std::memory_order_relaxed);
    }
    RunningLoad(RunningLoad&& other) noexcept : load_(std::move(other.load_)) {}
    RunningLoad& operator=(RunningLoad&& other) noexcept {
        std::swap(load_, other.load_);
        return *this;
    }
    RunningLoad(const RunningLoad&) = delete;
    RunningLoad& operator=(const RunningLoad&) = delete;
    ~RunningLoad() { end(); }

    void end() noexcept {
        if (!load_) return;
        load_->fetch_sub(1, std::memory_order_relaxed);
        load_.reset();
    }

private:
    std::shared_ptr<Load> load_;
};

}  // namespace hearth::proxy
