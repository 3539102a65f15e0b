#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "dns/core/blocklist_hash.h"

namespace hearth::dns {

// What a client gets that asks too much.
enum class LimitAnswer : std::uint8_t {
    kTruncate,  // TC over UDP: who really has that address asks again over TCP; REFUSED elsewhere
    kRefused,
    kDrop,
};

// How many questions one client may ask: an IPv4 address or an IPv6 /64. Who has proven its address
// (a connection, a cookie) is counted apart, so that somebody who only pretends to have it
// cannot use up its share.
//
// Shared by all workers of a process; may be called from any thread, neither locks nor allocates.
// The table is bounded: when too many clients ask at once, the one that asked longest ago is
// forgotten.
class RateLimiter {
public:
    struct Rules {
        std::uint32_t questions_per_second = 0;
        std::uint32_t burst = 0;  // questions at once after a pause
        LimitAnswer answer = LimitAnswer::kTruncate;
        std::vector<IpPrefix> exempt;

        friend bool operator==(const Rules&, const Rules&) = default;
    };
    enum class Proof : std::uint8_t { kNone, kAddressProven };

    RateLimiter(Rules rules, SipKey key);

    // True when the question is within the client's share, which it uses up by one.
    [[nodiscard]] bool allow(const IpAddress& client, Proof proof, TimePoint now) noexcept;
    [[nodiscard]] const Rules& rules() const noexcept { return rules_; }

private:
    static constexpr std::size_t kWays = 8;
    static constexpr std::size_t kSets = 1024;  // 128 KiB in all

    // GCRA: one number says all, the time at which the client's share would be whole again.
    struct Slot {
        std::atomic<std::uint64_t> client{0};
        std::atomic<std::int64_t> whole_at{0};
    };

    [[nodiscard]] Slot& slot_of(std::uint64_t client) noexcept;
    [[nodiscard]] bool is_exempt(const IpAddress& client) const noexcept;

    Rules rules_;
    SipKey key_;
    std::int64_t interval_ns_;
    std::int64_t tolerance_ns_;
    std::unique_ptr<std::array<Slot, kSets * kWays>> slots_;
};

}  // namespace hearth::dns
