#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace hearth::lb {

// When the owner of a VIP says so to the LAN: at once, 30 ms later (a broadcast may be lost, and
// nobody would ask before the next one), 1.1 s and 2.2 s later (Linux ignores a second update
// within its lock time of 1 s, so one of these counts whatever was heard just before), then every
// `refresh`, which should be shorter than a switch's ageing (300 s as a rule), or not again when
// that is 0.
class Announcer {
public:
    void start(TimePoint now, Duration refresh) noexcept;
    // Who has given the VIP away and gets it back says so at once.
    void stop() noexcept {
        due_ = kNever;
        last_sent_ = TimePoint::min();
    }
    // True when an announcement is due; it counts as sent.
    [[nodiscard]] bool take_due(TimePoint now) noexcept;
    [[nodiscard]] TimePoint next_deadline() const noexcept { return due_; }

private:
    TimePoint due_ = kNever;
    TimePoint last_sent_ = TimePoint::min();
    Duration refresh_{};
    std::size_t sent_ = 0;
};

// Whether anybody uses a VIP, asked before its very first claim (RFC 5227 §2.1). A holder
// answers within milliseconds; the RFC's seconds are there to spread hosts that
// were powered on together, and would keep a whole home waiting. Conflicts
// that show later are still seen: see ConflictGuard.
class ClaimProbe {
public:
    enum class Due : std::uint8_t { kNothing, kProbe, kClear };

    void start(TimePoint now) noexcept;
    void stop() noexcept { due_ = kNever; }
    // Somebody else uses it: ask again later, claim nothing meanwhile.
    void conflict(TimePoint now) noexcept;
    [[nodiscard]] Due take_due(TimePoint now) noexcept;
    [[nodiscard]] TimePoint next_deadline() const noexcept { return due_; }

    static constexpr std::size_t kProbes = 3;
    static constexpr Duration kSpacing = 300ms;
    static constexpr Duration kRetry = 10s;

private:
    TimePoint due_ = kNever;
    std::size_t sent_ = 0;
};

}  // namespace hearth::lb
