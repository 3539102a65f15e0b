#include "dns/core/upstream_state.h"

#include <algorithm>
#include <utility>

namespace hearth::dns {
namespace {

constexpr Duration kFirstPatience = 400ms;
constexpr Duration kLeastPatience = 150ms;
constexpr Duration kConnectPatience = 1000ms;
constexpr Duration kMostPatience = 1500ms;
constexpr Duration kValidatorPatience = 10s;  // who asked gives up before
constexpr unsigned kTimeoutsUntilDead = 3;
constexpr Duration kFirstRest = 500ms;
constexpr Duration kLongestRest = 5s;
// One question in so many goes to another upstream than the fastest, to keep its RTT known.
constexpr std::uint64_t kExploreOneIn = 32;

bool holds(std::span<const UpstreamIndex> list, UpstreamIndex index) noexcept {
    return std::find(list.begin(), list.end(), index) != list.end();
}

}  // namespace

UpstreamIndex UpstreamTable::index_of(const UpstreamServer& server) {
    const auto found = std::find_if(upstreams_.begin(), upstreams_.end(),
                                    [&](const Upstream& u) { return u.server == server; });
    if (found != upstreams_.end()) return static_cast<UpstreamIndex>(found - upstreams_.begin());
    upstreams_.push_back({});
    upstreams_.back().server = server;
    return static_cast<UpstreamIndex>(upstreams_.size() - 1);
}

UpstreamTable::Choice UpstreamTable::choose(std::span<const UpstreamIndex> candidates,
                                            std::span<const UpstreamIndex> tried,
                                            UpstreamStrategy strategy, TimePoint now,
                                            RandomSource& random) {
    Choice choice;
    const bool all_tried = std::all_of(candidates.begin(), candidates.end(),
                                       [&](UpstreamIndex i) { return holds(tried, i); });
    const bool in_order = strategy == UpstreamStrategy::kStrict;
    const auto better = [&](UpstreamIndex a, std::optional<UpstreamIndex> b) {
        return !b || (!in_order && upstreams_[a].smoothed_rtt < upstreams_[*b].smoothed_rtt);
    };
    std::optional<UpstreamIndex> other;
    std::optional<UpstreamIndex> doubtful;
    for (const UpstreamIndex index : candidates) {
        const Upstream& upstream = upstreams_[index];
        const bool was_tried = holds(tried, index);
        if (was_tried && !all_tried) continue;
        if (upstream.timeouts_in_row > 0) {
            if (upstream.rest_until <= now && !was_tried) choice.probe = index;
            if (!upstream.is_dead && better(index, doubtful)) doubtful = index;
        } else if (better(index, choice.use)) {
            other = std::exchange(choice.use, index);
        } else {
            other = index;
        }
    }
    if (other && !in_order && random.next() % kExploreOneIn == 0) choice.use = other;
    // Not again until it has answered or this much later.
    if (choice.probe) upstreams_[*choice.probe].rest_until = now + kFirstRest;
    if (!choice.use && doubtful) {
        choice.use = doubtful;
        if (choice.probe == doubtful) choice.probe.reset();
    }
    if (!choice.use) choice.use = std::exchange(choice.probe, std::nullopt);
    return choice;
}

void UpstreamTable::on_answer(UpstreamIndex index, Duration rtt, TimePoint now) noexcept {
    Upstream& upstream = upstreams_[index];
    upstream.answered_at = now;
    ++upstream.answered;
    upstream.timeouts_in_row = 0;
    upstream.is_dead = false;
    if (upstream.smoothed_rtt == Duration::zero()) {
        upstream.smoothed_rtt = rtt;
        upstream.rtt_variance = rtt / 2;
        return;
    }
    const Duration error = rtt - upstream.smoothed_rtt;
    upstream.rtt_variance += (std::max(error, -error) - upstream.rtt_variance) / 4;
    upstream.smoothed_rtt += error / 8;
}

void UpstreamTable::on_timeout(UpstreamIndex index, TimePoint now) noexcept {
    Upstream& upstream = upstreams_[index];
    ++upstream.timeouts;
    // It speaks for many servers, and one of them that is silent says nothing of the others.
    if (upstream.server.protocol == UpstreamProtocol::kValidator) return;
    ++upstream.timeouts_in_row;
    upstream.timed_out_at = now;
    // A slow upstream sinks in the order at once, not only when it is dead.
    upstream.smoothed_rtt = std::min<Duration>(
        std::max<Duration>(upstream.smoothed_rtt * 2, kFirstPatience), kMostPatience);
    upstream.is_dead = upstream.timeouts_in_row >= kTimeoutsUntilDead &&
                       upstream.server.protocol != UpstreamProtocol::kRecursive;
    // Another program may have taken its place.
    if (upstream.is_dead) {
        upstream.letters = LetterCase::kUnknown;
        upstream.cookie.forget();
        upstream.takes_cookies = true;
    }
    const unsigned doublings = std::min(upstream.timeouts_in_row - 1, 4U);
    upstream.rest_until = now + std::min<Duration>(kFirstRest * (1 << doublings), kLongestRest);
}

Duration UpstreamTable::patience(UpstreamIndex index) const noexcept {
    const Upstream& upstream = upstreams_[index];
    if (upstream.server.protocol == UpstreamProtocol::kValidator) return kValidatorPatience;
    if (upstream.server.protocol == UpstreamProtocol::kRecursive) return kMostPatience;
    // A connection may have to be opened first, with a handshake or two.
    if (upstream.server.protocol != UpstreamProtocol::kUdp)
        return std::clamp<Duration>(4 * upstream.smoothed_rtt, kConnectPatience, kMostPatience);
    if (upstream.smoothed_rtt == Duration::zero()) return kFirstPatience;
    return std::clamp<Duration>(upstream.smoothed_rtt + 4 * upstream.rtt_variance, kLeastPatience,
                                kMostPatience);
}

}  // namespace hearth::dns
