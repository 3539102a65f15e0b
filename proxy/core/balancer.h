#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/time.h"

namespace hearth::proxy {

// Whose turn it is among a service's endpoints: round robin over those that did not fail
// lately. An endpoint that refuses a connection is left alone for a second, doubled for each
// further failure up to ten; when all are, the one whose rest ends first is tried, so that the
// first request after a repair finds it. One per worker, no locks.
class Balancer {
public:
    // Endpoints that stay keep what is known about them.
    void set_endpoints(std::span<const Endpoint> endpoints);

    // nullopt when there is none. Endpoints in `tried` are taken only when all were.
    [[nodiscard]] std::optional<Endpoint> pick(std::span<const Endpoint> tried, TimePoint now);
    // Both are true when that changes what was known: it is up again, it is down now.
    bool succeeded(const Endpoint& endpoint) noexcept;
    bool failed(const Endpoint& endpoint, TimePoint now) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    [[nodiscard]] bool rests(const Endpoint& endpoint, TimePoint now) const noexcept;

private:
    struct Member {
        Endpoint endpoint;
        unsigned failures = 0;  // in a row
        bool known = false;     // it has been tried
        TimePoint rests_until{};
    };
    [[nodiscard]] Member* find(const Endpoint& endpoint) noexcept;

    std::vector<Member> members_;
    std::size_t next_ = 0;
};

}  // namespace hearth::proxy
