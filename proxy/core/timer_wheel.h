#pragma once

#include <array>
#include <cstddef>

#include "base/time.h"

namespace hearth::proxy {

// A deadline embedded in what it belongs to; in no list while kNever. Not copied, not moved.
class Timer {
public:
    Timer() noexcept : next_(this), previous_(this) {}
    ~Timer() { unlink(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    [[nodiscard]] TimePoint deadline() const noexcept { return deadline_; }
    [[nodiscard]] bool is_set() const noexcept { return next_ != this; }

private:
    friend class TimerWheel;
    void unlink() noexcept {
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = this;
    }
    void link_before(Timer& other) noexcept {
        next_ = &other;
        previous_ = other.previous_;
        previous_->next_ = this;
        other.previous_ = this;
    }

    Timer* next_;
    Timer* previous_;
    TimePoint deadline_ = kNever;
    TimePoint slot_end_ = kNever;  // when the wheel will look at it
};

// Many deadlines, few of which pass: a ring of slots of one tick each. A deadline that only moves
// later costs one store; it is moved when its old slot comes up. Fires one to two ticks late.
class TimerWheel {
public:
    static constexpr Duration kTick = 250ms;

    explicit TimerWheel(TimePoint now) noexcept;

    // kNever cancels.
    void set(Timer& timer, TimePoint deadline) noexcept;

    // The next timer whose deadline is not after `now`, taken off the wheel; nullptr when there is
    // none. Call until then, once per tick.
    [[nodiscard]] Timer* take_expired(TimePoint now) noexcept;

private:
    static constexpr std::size_t kSlots = 512;  // later deadlines are looked at once per turn

    void insert(Timer& timer) noexcept;
    [[nodiscard]] Timer& slot(TimePoint time) noexcept;

    std::array<Timer, kSlots> slots_;
    TimePoint now_;  // begin of a tick; slots before it are empty
};

}  // namespace hearth::proxy
