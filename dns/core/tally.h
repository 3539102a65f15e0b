#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "dns/core/no_answer.h"
#include "dns/model/protocol.h"
#include "dns/model/query_context.h"

namespace hearth::dns {

// Written by one thread, read by any; no locked instruction.
class Cell {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

// The question types that metrics tell apart; the rest is "other".
inline constexpr std::array<RrType, 9> kTalliedTypes = {
    RrType::kA,   RrType::kAaaa, RrType::kPtr, RrType::kHttps, RrType::kSvcb,
    RrType::kTxt, RrType::kMx,   RrType::kSrv, RrType::kSoa};
inline constexpr int kRcodeCount = 24;  // 0..23

// Upper bounds of the durations of forwarded questions; what is answered at once counts as 0.
inline constexpr std::array<Duration, 12> kDurationBounds = {
    250us, 1ms, 2500us, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2500ms};

// What one worker counted; served as the metrics of docs/dns.md.
struct Tally {
    std::array<std::array<Cell, kTalliedTypes.size() + 1>, kTransportCount> requests;
    std::array<std::array<Cell, kReasonCount>, kRcodeCount> responses;
    std::array<Cell, kDurationBounds.size() + 1> durations;
    Cell duration_us;
    Cell cache_hits;
    Cell cache_misses;
    Cell cache_stale;       // answers past their time, because no upstream answered
    Cell cache_prefetches;  // questions asked again before their answer's end
    Cell cache_entries;
    Cell cache_bytes;
    Cell dropped;  // not answered at all: no header, not a question, over the refusal budget
    std::array<Cell, kNoAnswerCount> no_answers;  // messages of upstreams that were dropped
    Cell secure;                                  // what validation said of answers
    Cell insecure;
    Cell bogus;
    Cell waiting;  // clients that wait for an upstream now

    void request(Transport transport, RrType type) noexcept {
        std::size_t i = 0;
        while (i < kTalliedTypes.size() && kTalliedTypes[i] != type) ++i;
        requests[static_cast<std::size_t>(transport)][i].add();
    }
    void response(Rcode rcode, Reason reason, Duration duration) noexcept {
        responses[static_cast<std::size_t>(rcode) % kRcodeCount][static_cast<std::size_t>(reason)]
            .add();
        std::size_t i = 0;
        while (i < kDurationBounds.size() && duration > kDurationBounds[i]) ++i;
        durations[i].add();
        if (duration > Duration::zero())
            duration_us.add(static_cast<std::uint64_t>(
                std::chrono::duration_cast<std::chrono::microseconds>(duration).count()));
    }
};

}  // namespace hearth::dns
