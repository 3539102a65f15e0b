#include "dns/core/rate_limiter.h"

#include <algorithm>
#include <utility>

namespace hearth::dns {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

std::int64_t nanoseconds(TimePoint time) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

// Never 0, which is a free slot. A /64 is one client: each host may take any address in it.
std::uint64_t mark(SipKey key, const IpAddress& client, RateLimiter::Proof proof) noexcept {
    SipState state(key);
    const ByteView octets = client.bytes();
    state.absorb(client.is_v4() ? load_be32(octets.data()) | 1ULL << 32 : load_be64(octets.data()));
    state.absorb((client.is_v4() ? 2U : 0U) | (proof == RateLimiter::Proof::kNone ? 0U : 1U));
    return state.finish() | 1;
}

}  // namespace

RateLimiter::RateLimiter(Rules rules, SipKey key)
    : rules_(std::move(rules)),
      key_(key),
      interval_ns_(kSecondNs / std::max(1U, rules_.questions_per_second)),
      tolerance_ns_(interval_ns_ * (std::max(1U, rules_.burst) - 1)),
      slots_(std::make_unique<std::array<Slot, kSets * kWays>>()) {}

RateLimiter::Slot& RateLimiter::slot_of(std::uint64_t client) noexcept {
    Slot* const set = slots_->data() + (client >> 32) % kSets * kWays;
    Slot* oldest = set;
    for (Slot* slot = set; slot != set + kWays; ++slot) {
        if (slot->client.load(std::memory_order_relaxed) == client) return *slot;
        if (slot->whole_at.load(std::memory_order_relaxed) <
            oldest->whole_at.load(std::memory_order_relaxed))
            oldest = slot;
    }
    oldest->client.store(client, std::memory_order_relaxed);
    oldest->whole_at.store(0, std::memory_order_relaxed);
    return *oldest;
}

bool RateLimiter::is_exempt(const IpAddress& client) const noexcept {
    return client.is_loopback() ||
           std::any_of(rules_.exempt.begin(), rules_.exempt.end(),
                       [&](const IpPrefix& prefix) { return prefix.contains(client); });
}

bool RateLimiter::allow(const IpAddress& client, Proof proof, TimePoint now) noexcept {
    auto& whole_at = slot_of(mark(key_, client, proof)).whole_at;
    const std::int64_t at = nanoseconds(now);
    std::int64_t before = whole_at.load(std::memory_order_relaxed);
    while (true) {
        const std::int64_t from = std::max(before, at);
        if (from - at > tolerance_ns_) return is_exempt(client);
        if (whole_at.compare_exchange_weak(before, from + interval_ns_, std::memory_order_relaxed))
            return true;
    }
}

}  // namespace hearth::dns
