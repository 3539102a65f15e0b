#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/name.h"
#include "base/time.h"
#include "dns/core/blocklist_hash.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// Recognises our own forwarded question when it comes back as a client's: the router uses our VIP
// as its upstream, and we use the router. Unrecognised, each question would circle until it
// times out.
//
// Two signs. (1) Questions to upstreams inside the house carry an EDNS option with the house's mark
// and the upstream they went to; who forwards the OPT as it is (dnsmasq) hands us the proof, on
// whichever node it arrives. (2) Where the option was stripped: a question that arrives from the
// very address to which the same question is in flight. A router asks that of itself by chance at
// most once in a while, so a report needs two of them.
//
// Shared by all workers of a process; every member may be called from any thread, none of
// them locks or allocates.
class LoopGuard {
public:
    static constexpr std::size_t kTagSize = 16;
    using Tag = std::array<std::uint8_t, kTagSize>;

    // `house` is equal on all nodes of one home and on no others.
    explicit LoopGuard(std::uint64_t house) noexcept : house_(house) {}

    // Only to addresses inside the house: the world need not see it.
    [[nodiscard]] static bool wants_tag(const IpAddress& upstream) noexcept;
    [[nodiscard]] Tag tag_for(const IpAddress& upstream) const noexcept;

    // A question is in flight to an upstream from sent() until done(). Not to be called for a
    // question that the upstream's own address asked for: its retransmission is not a loop.
    void sent(const Name& qname, RrType qtype, const IpAddress& upstream) noexcept;
    void done(const Name& qname, RrType qtype, const IpAddress& upstream) noexcept;

    // True when this question of a client is our own; remembers through which upstream.
    // `tag` is empty when there was no option.
    [[nodiscard]] bool is_loop(const Name& qname, RrType qtype, const IpAddress& client,
                               std::optional<ByteView> tag, TimePoint now) noexcept;

    // True while a loop through this upstream was seen less than kMemory ago: nothing is
    // forwarded to it until then.
    [[nodiscard]] bool is_looping(const IpAddress& upstream, TimePoint now) const noexcept;

    static constexpr Duration kMemory = 30s;

private:
    static constexpr std::size_t kInFlightSlots = 4096;
    static constexpr std::size_t kLoops = 16;
    static constexpr std::uint32_t kSuspicionsNeeded = 2;
    static constexpr Duration kSuspicionWindow = 10s;

    struct Loop {
        std::atomic<std::uint64_t> upstream{0};  // its mark; 0: free
        std::atomic<std::int64_t> suspected_at{INT64_MIN};
        std::atomic<std::uint32_t> suspicions{0};
        std::atomic<std::int64_t> proven_at{INT64_MIN};
    };

    [[nodiscard]] std::uint64_t mark_of(const IpAddress& address) const noexcept;
    [[nodiscard]] std::uint64_t flight_of(const Name& qname, RrType qtype,
                                          std::uint64_t upstream) const noexcept;
    [[nodiscard]] Loop* loop_of(std::uint64_t upstream) noexcept;
    void suspect(Loop& loop, TimePoint now) noexcept;

    std::uint64_t house_;
    std::array<std::atomic<std::uint64_t>, kInFlightSlots> in_flight_{};
    std::array<Loop, kLoops> loops_{};
};

}  // namespace hearth::dns
