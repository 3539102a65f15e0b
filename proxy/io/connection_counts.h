#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/ip.h"
#include "runtime/connection_budget.h"

namespace hearth::proxy {

// How many connections there are and each client has, of all workers together. Clients are as
// Snapshot::one_client says. Any thread.
class ConnectionCounts {
public:
    // At most so many at a time; more wait in the kernel's queue.
    void limit(std::size_t most) noexcept { budget_->set_most(most); }
    [[nodiscard]] const std::shared_ptr<runtime::ConnectionBudget>& budget() const noexcept {
        return budget_;
    }

    void add(const IpAddress& address) {
        const std::lock_guard lock(mutex_);
        ++counts_[address];
    }
    void remove(const IpAddress& address) {
        const std::lock_guard lock(mutex_);
        const auto count = counts_.find(address);
        if (count != counts_.end() && --count->second == 0) counts_.erase(count);
    }
    [[nodiscard]] std::size_t of(const IpAddress& address) const {
        const std::lock_guard lock(mutex_);
        const auto count = counts_.find(address);
        return count != counts_.end() ? count->second : 0;
    }

private:
    std::shared_ptr<runtime::ConnectionBudget> budget_ =
        std::make_shared<runtime::ConnectionBudget>(0);
    mutable std::mutex mutex_;
    std::unordered_map<IpAddress, std::size_t> counts_;
};

}  // namespace hearth::proxy
