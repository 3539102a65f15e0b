#include "proxy/core/login_delays.h"

#include <algorithm>

namespace hearth::proxy {

namespace {

constexpr Duration kForgotten = 10min;
constexpr Duration kLongest = 60s;
constexpr unsigned kFree = 2;

}  // namespace

std::optional<Duration> LoginDelays::wait(const IpAddress& client, TimePoint now) const {
    const auto known = guessers_.find(client);
    if (known == guessers_.end() || known->second.until <= now) return std::nullopt;
    return known->second.until - now;
}

void LoginDelays::failed(const IpAddress& client, TimePoint now) {
    const auto is_old = [now](const auto& each) { return each.second.last + kForgotten <= now; };
    if (guessers_.size() >= kMostClients) std::erase_if(guessers_, is_old);
    if (guessers_.size() >= kMostClients) guessers_.clear();
    Guesser& guesser = guessers_[client];
    if (guesser.last + kForgotten <= now) guesser = {};
    guesser.last = now;
    if (++guesser.failures <= kFree) return;
    const unsigned doublings = std::min(guesser.failures - kFree - 1, 6U);
    guesser.until = now + std::min<Duration>(1s * (1U << doublings), kLongest);
}

void LoginDelays::succeeded(const IpAddress& client) { guessers_.erase(client); }

}  // namespace hearth::proxy
