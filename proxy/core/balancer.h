#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/core/load.h"
#include "proxy/model/balancing.h"

namespace hearth::proxy {

// One of a service's endpoints; those of a heavier one get more.
struct Target {
    Endpoint endpoint;
    unsigned weight = 1;
    std::shared_ptr<Load> load{};  // null: nobody counts
};

// What the active checks and the operator say of an endpoint.
enum class TargetState : std::uint8_t { kServes, kDown, kDrained };

// Whose turn it is among a service's endpoints. One that refuses a connection is left alone
// for a second, doubled for each further failure up to ten; one that breaks off answers, after the
// fifth in a row. After its rest one request tries it, and its success ends the matter. When all
// rest, the one whose rest ends first is tried, so that the first request after a repair finds
// it. One per worker, no locks; only the load is counted together.
class Balancer {
public:
    void configure(Balance how, Duration slow_start) noexcept;
    // Endpoints that stay keep what is known about them.
    void set_targets(std::span<const Target> targets);
    void set_state(const Endpoint& endpoint, TargetState state, TimePoint now) noexcept;

    struct Asker {
        std::span<const Endpoint> tried{};  // taken again only when all were tried
        std::uint64_t key = 0;              // of the client, for kSourceHash: see key_of()
        std::uint64_t sticky = 0;           // the token its cookie holds; 0: none
    };
    // nullopt when there is none, or when each is down or drained.
    [[nodiscard]] std::optional<Endpoint> pick(const Asker& asker, TimePoint now);

    // Both are true when that changes what was known: it is up again, it is down now.
    bool succeeded(const Endpoint& endpoint, TimePoint now) noexcept;
    bool failed(const Endpoint& endpoint, TimePoint now) noexcept;
    // It took a connection and did not answer as it should / did.
    void broke_off(const Endpoint& endpoint, TimePoint now) noexcept;
    void answered(const Endpoint& endpoint) noexcept;

    // A request for it is under way for as long as this is held.
    [[nodiscard]] RunningLoad begin(const Endpoint& endpoint) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    // It is one of them, neither down nor drained.
    [[nodiscard]] bool serves(const Endpoint& endpoint) const noexcept;
    [[nodiscard]] bool rests(const Endpoint& endpoint, TimePoint now) const noexcept;

private:
    struct Member {
        Endpoint endpoint;
        unsigned weight = 1;
        TargetState state = TargetState::kServes;
        unsigned failures = 0;    // connections, in a row
        unsigned broken_off = 0;  // answers, in a row
        bool known = false;       // it has been tried
        TimePoint rests_until{};
        TimePoint back_since{};  // of its slow start; zero: it was never away
        std::shared_ptr<Load> load;
        std::int64_t turn = 0;  // of smooth weighted round robin
    };
    [[nodiscard]] Member* find(const Endpoint& endpoint) noexcept;
    [[nodiscard]] std::int64_t share(const Member& member, TimePoint now) const noexcept;
    [[nodiscard]] bool is_free(const Member& member, const Asker& asker,
                               TimePoint now) const noexcept;
    [[nodiscard]] Member* by_turn(const Asker& asker, TimePoint now) noexcept;
    [[nodiscard]] Member* by_load(const Asker& asker, TimePoint now) noexcept;
    [[nodiscard]] Member* by_hash(const Asker& asker, std::uint64_t key, TimePoint now) noexcept;
    [[nodiscard]] Member* by_cookie(const Asker& asker, TimePoint now) noexcept;
    [[nodiscard]] Member* first_to_return(const Asker& asker) noexcept;
    void rest(Member& member, unsigned failures, TimePoint now) noexcept;

    Balance how_ = Balance::kRoundRobin;
    Duration slow_start_{};
    std::vector<Member> members_;
    std::size_t next_ = 0;     // where by_load() begins, so that equals take turns
    std::uint64_t drawn_ = 0;  // of kRandom
};

// The same for one client on every worker and node.
[[nodiscard]] std::uint64_t key_of(const IpAddress& client) noexcept;
// What a sticky cookie says instead of an address, and back; 0 when it is no token.
[[nodiscard]] std::uint64_t token_of(const Endpoint& endpoint) noexcept;
[[nodiscard]] std::string to_cookie(std::uint64_t token);
[[nodiscard]] std::uint64_t from_cookie(std::string_view text) noexcept;

}  // namespace hearth::proxy
