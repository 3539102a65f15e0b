#include "proxy/core/rate_limiter.h"

#include <algorithm>

namespace hearth::proxy {

RateLimiter::RateLimiter(const RateRule& rule) noexcept
    : rule_(rule), share_(rule.period / rule.count), ahead_(share_ * rule.burst) {}

std::optional<Duration> RateLimiter::ask(const IpAddress& client, TimePoint now) {
    TimePoint& place = place_of(client, now);
    const TimePoint next = std::max(place, now) + share_;
    if (next > now + ahead_) return next - ahead_ - now;
    place = next;
    return std::nullopt;
}

bool RateLimiter::is_spent(const IpAddress& client, TimePoint now) const {
    const auto known = clients_.find(key_of(client));
    return known != clients_.end() && known->second + share_ > now + ahead_;
}

// One for all, where the service as a whole counts.
IpAddress RateLimiter::key_of(const IpAddress& client) const noexcept {
    return rule_.scope == RateRule::Scope::kService ? IpAddress{} : client;
}

TimePoint& RateLimiter::place_of(const IpAddress& client, TimePoint now) {
    const IpAddress key = key_of(client);
    if (const auto known = clients_.find(key); known != clients_.end()) return known->second;
    if (clients_.size() >= kMostClients)
        std::erase_if(clients_, [now](const auto& each) { return each.second <= now; });
    if (clients_.size() >= kMostClients) return others_;
    return clients_[key];
}

}  // namespace hearth::proxy
