#include "lb/core/announcer.h"

#include <algorithm>
#include <array>

namespace hearth::lb {
namespace {

constexpr std::array<Duration, 3> kGaps{30ms, 1070ms, 1100ms};
// A rival that keeps on claiming is answered, but not at its own rate.
constexpr Duration kAtMostEvery = 100ms;

}  // namespace

void Announcer::start(TimePoint now, Duration refresh) noexcept {
    refresh_ = refresh;
    sent_ = 0;
    const bool just_sent = last_sent_ != TimePoint::min() && now - last_sent_ < kAtMostEvery;
    due_ = just_sent ? last_sent_ + kAtMostEvery : now;
}

bool Announcer::take_due(TimePoint now) noexcept {
    if (now < due_) return false;
    last_sent_ = now;
    const Duration gap = sent_ < kGaps.size() ? kGaps[sent_] : refresh_;
    due_ = gap == Duration{} ? kNever : now + gap;
    ++sent_;
    return true;
}

void ClaimProbe::start(TimePoint now) noexcept {
    sent_ = 0;
    due_ = now;
}

void ClaimProbe::conflict(TimePoint now) noexcept {
    sent_ = 0;
    due_ = now + kRetry;
}

ClaimProbe::Due ClaimProbe::take_due(TimePoint now) noexcept {
    if (now < due_) return Due::kNothing;
    if (sent_ == kProbes) {
        stop();
        return Due::kClear;
    }
    ++sent_;
    due_ = now + kSpacing;
    return Due::kProbe;
}

}  // namespace hearth::lb
