#include "proxy/core/timer_wheel.h"

#include <algorithm>

namespace hearth::proxy {

TimerWheel::TimerWheel(TimePoint now) noexcept : now_(now - now.time_since_epoch() % kTick) {}

Timer& TimerWheel::slot(TimePoint time) noexcept {
    const auto tick = static_cast<std::size_t>(time.time_since_epoch() / kTick);
    return slots_[tick % kSlots];
}

void TimerWheel::set(Timer& timer, TimePoint deadline) noexcept {
    timer.deadline_ = deadline;
    if (deadline == kNever) return timer.unlink();
    if (timer.is_set() && timer.slot_end_ <= deadline) return;
    timer.unlink();
    insert(timer);
}

void TimerWheel::insert(Timer& timer) noexcept {
    // One slot short of a turn: the slot that is being emptied must not be filled again.
    const TimePoint last = now_ + (kSlots - 1) * kTick;
    timer.slot_end_ = std::clamp(timer.deadline_, now_, last);
    timer.link_before(slot(timer.slot_end_));
}

Timer* TimerWheel::take_expired(TimePoint now) noexcept {
    for (; now_ + kTick <= now; now_ += kTick) {
        Timer& head = slot(now_);
        while (head.next_ != &head) {
            Timer& timer = *head.next_;
            timer.unlink();
            if (timer.deadline_ > now) {
                insert(timer);  // it was moved meanwhile, to a later slot
                continue;
            }
            timer.deadline_ = kNever;
            return &timer;
        }
    }
    return nullptr;
}

}  // namespace hearth::proxy
