#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace hearth::runtime {

// Publishes immutable state from one writer (bind, on the control thread) to readers on other
// threads. A reader that looks once per batch or request sees one consistent state for all of it.
//
//     Published<Policy> policy;                       // owned by bind, outlives its readers
//     Published<Policy>::Reader reader(policy);       // one per worker thread
//     const Policy& now = reader.get();               // once per batch; valid until the next get()
//
// Reader::get() is one acquire load of a line that changes only on publication: no reference
// count is touched and no lock taken unless something new was published. (std::atomic<shared_ptr>
// of g++ 12 spins and TSan cannot follow it.)
template <class T>
class Published {
public:
    using Pointer = std::shared_ptr<const T>;

    Published() = default;
    explicit Published(Pointer first) { publish(std::move(first)); }
    Published(const Published&) = delete;
    Published& operator=(const Published&) = delete;

    // Any thread. Readers see it at their next get(); the old state is destroyed by
    // whoever lets go of it last.
    void publish(Pointer next) {
        {
            const std::lock_guard lock(mutex_);
            current_.swap(next);
            version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        }
        // `next`, now the old state, is released outside the lock.
    }

    // Any thread; takes a lock, so not per packet. Null before the first publish().
    [[nodiscard]] Pointer load() const {
        const std::lock_guard lock(mutex_);
        return current_;
    }

    // Belongs to one thread; must not outlive its Published.
    class Reader {
    public:
        explicit Reader(const Published& source) : source_(&source) {}

        // Something must have been published before.
        [[nodiscard]] const T& get() {
            refresh();
            return *held_;
        }
        // As get(), to keep beyond the next one; null before the first publish().
        [[nodiscard]] const Pointer& pointer() {
            refresh();
            return held_;
        }

    private:
        void refresh() {
            const auto version = source_->version_.load(std::memory_order_acquire);
            if (version == seen_) return;
            held_ = source_->load();
            seen_ = version;
        }

        const Published* source_;
        Pointer held_;
        std::uint64_t seen_ = 0;
    };

private:
    mutable std::mutex mutex_;
    Pointer current_;
    alignas(64) std::atomic<std::uint64_t> version_{0};
};

}  // namespace hearth::runtime
