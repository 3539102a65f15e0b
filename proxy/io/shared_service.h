#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ip.h"
#include "proxy/core/load.h"
#include "proxy/core/rate_limiter.h"

namespace hearth::proxy {

// What all workers know of a service together; it stays across reloads.
struct SharedService {
    // nullopt: it may pass. Else how long until it may.
    [[nodiscard]] std::optional<Duration> ask_rates(const IpAddress& client, TimePoint now) {
        if (!has_rates.load(std::memory_order_relaxed)) return std::nullopt;
        const std::lock_guard lock(mutex);
        for (RateLimiter& rate : rates) {
            if (const auto wait = rate.ask(client, now)) return wait;
        }
        return std::nullopt;
    }
    // Rules that stay keep their memory.
    void set_rates(const std::vector<RateRule>& rules) {
        const std::lock_guard lock(mutex);
        std::vector<RateLimiter> next;
        for (const RateRule& rule : rules) {
            const auto known = std::find_if(rates.begin(), rates.end(),
                                            [&](const auto& one) { return one.rule() == rule; });
            next.push_back(known != rates.end() ? std::move(*known) : RateLimiter(rule));
        }
        rates = std::move(next);
        has_rates = !rates.empty();
    }

    // Of one of its endpoints; it lasts as long as somebody has it.
    [[nodiscard]] std::shared_ptr<Load> load_of(const Endpoint& endpoint) {
        const std::lock_guard lock(mutex);
        std::erase_if(loads, [](const auto& each) { return each.second.expired(); });
        std::weak_ptr<Load>& known = loads[endpoint];
        std::shared_ptr<Load> load = known.lock();
        if (!load) known = load = std::make_shared<Load>(0);
        return load;
    }

    std::atomic<std::size_t> running{0};  // requests under way, where they are limited
    std::atomic<std::size_t> waiting{0};  // in the queues of all workers

private:
    std::atomic<bool> has_rates{false};
    std::mutex mutex;
    std::vector<RateLimiter> rates;
    std::unordered_map<Endpoint, std::weak_ptr<Load>> loads;
};

using SharedServices = std::unordered_map<std::string, std::shared_ptr<SharedService>>;

}  // namespace hearth::proxy
