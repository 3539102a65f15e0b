#include "lb/core/health.h"

namespace hearth::lb {

void DaemonHealth::disconnected() noexcept { *this = DaemonHealth{}; }

void DaemonHealth::answered() noexcept {
    failures_ = 0;
    if (link_ == Link::kClosed) return;
    if (successes_ < kRise) ++successes_;
    if (successes_ == kRise) health_ = Health::kGood;
}

void DaemonHealth::unanswered() noexcept {
    successes_ = 0;
    if (failures_ < kFall) ++failures_;
    if (failures_ == kFall) health_ = Health::kBad;
}

std::optional<Health> DaemonHealth::verdict() const noexcept {
    const bool starting = link_ == Link::kOpen && health_ == Health::kBad && failures_ < kFall;
    if (starting) return std::nullopt;
    return health_;
}

std::string_view DaemonHealth::reason() const noexcept {
    if (link_ == Link::kClosed) return "not running";
    if (health_ == Health::kGood) return "ok";
    return failures_ > 0 ? "does not answer" : "starting";
}

}  // namespace hearth::lb
