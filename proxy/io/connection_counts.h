#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "base/ip.h"

namespace hearth::proxy {

// How many connections each client address has, of all workers together. Any thread.
class ConnectionCounts {
public:
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
    mutable std::mutex mutex_;
    std::unordered_map<IpAddress, std::size_t> counts_;
};

}  // namespace hearth::proxy
