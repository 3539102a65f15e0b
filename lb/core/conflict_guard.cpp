#include "lb/core/conflict_guard.h"

namespace hearth::lb {

void ConflictGuard::observe(MacAddress mac, TimePoint now) noexcept {
    const bool stale = holder_ && now - last_heard_ >= kForgetAfter;
    if (holder_ != mac || stale) {
        holder_ = mac;
        report_ = Report::kPending;
        first_heard_ = now;
    }
    last_heard_ = now;
}

TimePoint ConflictGuard::next_deadline() const noexcept {
    if (!holder_ || report_ == Report::kDone) return kNever;
    return first_heard_ + kReportAfter;
}

std::optional<MacAddress> ConflictGuard::take_report(TimePoint now) noexcept {
    if (now < next_deadline()) return std::nullopt;
    report_ = Report::kDone;
    return holder_;
}

bool ConflictGuard::take_defence(TimePoint now) noexcept {
    if (last_defence_ && now - *last_defence_ < kDefendInterval) return false;
    last_defence_ = now;
    return true;
}

std::optional<MacAddress> ConflictGuard::holder(TimePoint now) const noexcept {
    if (report_ == Report::kPending || now - last_heard_ >= kForgetAfter) return std::nullopt;
    return holder_;
}

void ConflictGuard::absolve(MacAddress mac) noexcept {
    if (holder_ == mac) holder_.reset();
}

}  // namespace hearth::lb
