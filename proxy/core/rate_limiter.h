#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>

#include "base/ip.h"
#include "proxy/model/policy.h"

namespace hearth::proxy {

// One rule's memory of who has asked how much (the generic cell rate algorithm: a client is a
// point in time, which each request moves by its share of the period and which may be ahead of
// now by the burst). Bounded: when as many clients are remembered as may be, further ones share one
// place until others are due. Clients are as Snapshot::one_client says.
class RateLimiter {
public:
    explicit RateLimiter(const RateRule& rule) noexcept;

    // nullopt: it may pass, and is counted. Else how long until it may.
    [[nodiscard]] std::optional<Duration> ask(const IpAddress& client, TimePoint now);
    // ask() would refuse; counts nothing.
    [[nodiscard]] bool is_spent(const IpAddress& client, TimePoint now) const;
    [[nodiscard]] const RateRule& rule() const noexcept { return rule_; }

    static constexpr std::size_t kMostClients = 16384;

private:
    [[nodiscard]] IpAddress key_of(const IpAddress& client) const noexcept;
    [[nodiscard]] TimePoint& place_of(const IpAddress& client, TimePoint now);

    RateRule rule_;
    Duration share_;  // of one request
    Duration ahead_;  // as far a client's point may be ahead of now
    std::unordered_map<IpAddress, TimePoint> clients_;
    TimePoint others_{};
};

}  // namespace hearth::proxy
