#include "lb/core/backend_checks.h"

namespace hearth::lb {
namespace {

constexpr Duration kApart = 1ms;

}  // namespace

std::string_view to_string(BackendState state) noexcept {
    switch (state) {
        case BackendState::kUnchecked: return "unchecked";
        case BackendState::kUnknown: return "unknown";
        case BackendState::kUp: return "up";
        case BackendState::kDown: return "down";
    }
    return "unknown";
}

void BackendChecks::apply(const std::set<CheckTarget>& wanted, TimePoint now) {
    for (auto track = tracks_.begin(); track != tracks_.end();) {
        const bool goes_on = wanted.contains(track->first);
        if (!goes_on) queue_.erase({track->second.due, &track->first});
        track = goes_on ? std::next(track) : tracks_.erase(track);
    }
    std::erase_if(down_, [&](const CheckTarget& target) { return !wanted.contains(target); });
    for (const CheckTarget& target : wanted) {
        const auto [track, is_new] = tracks_.try_emplace(target);
        if (!is_new) continue;
        track->second.due = now;
        queue_.emplace(now, &track->first);
        now += kApart;
    }
}

std::vector<CheckTarget> BackendChecks::take_due(TimePoint now) {
    std::vector<CheckTarget> due;
    while (!queue_.empty() && queue_.begin()->first <= now) {
        const CheckTarget* target = queue_.begin()->second;
        queue_.erase(queue_.begin());
        Track& track = tracks_.at(*target);
        track.due = now + target->check.interval;
        queue_.emplace(track.due, target);
        due.push_back(*target);
    }
    return due;
}

TimePoint BackendChecks::next_deadline() const noexcept {
    return queue_.empty() ? kNever : queue_.begin()->first;
}

BackendChecks::Outcome BackendChecks::answered(const CheckTarget& target, bool is_good) {
    const auto found = tracks_.find(target);
    if (found == tracks_.end()) return Outcome::kAsBefore;
    Track& track = found->second;
    const BackendState said = is_good ? BackendState::kUp : BackendState::kDown;
    if (track.state == said) {
        track.row = 0;
        return Outcome::kAsBefore;
    }
    const unsigned needed = is_good ? target.check.rise : target.check.fall;
    ++track.row;
    if (track.state != BackendState::kUnknown && track.row < needed) return Outcome::kAsBefore;
    track.state = said;
    track.row = 0;
    if (is_good)
        down_.erase(target);
    else
        down_.insert(target);
    return Outcome::kChanged;
}

BackendState BackendChecks::state(const CheckTarget& target) const noexcept {
    const auto found = tracks_.find(target);
    return found == tracks_.end() ? BackendState::kUnchecked : found->second.state;
}

}  // namespace hearth::lb
