#include "lb/core/election.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hearth::lb {
namespace {

using S = ElectionState;
using E = ElectionEvent;

// Everything that may happen. An event without a rule in the present state changes nothing.
constexpr std::array kRules{
    TransitionRule{S::kInit, E::kEnabled, S::kProbing},
    TransitionRule{S::kProbing, E::kProbeClear, S::kBackup},
    TransitionRule{S::kProbing, E::kBetterAdvert, S::kBackup},
    TransitionRule{S::kProbing, E::kWorseAdvert, S::kBackup},
    TransitionRule{S::kProbing, E::kUnwellAdvert, S::kBackup},
    TransitionRule{S::kProbing, E::kReleaseAdvert, S::kBackup},
    TransitionRule{S::kProbing, E::kDisabled, S::kInit},
    TransitionRule{S::kProbing, E::kStop, S::kInit},
    TransitionRule{S::kBackup, E::kBetterAdvert, S::kBackup},
    TransitionRule{S::kBackup, E::kWorseAdvert, S::kBackup},
    TransitionRule{S::kBackup, E::kUnwellAdvert, S::kBackup},
    TransitionRule{S::kBackup, E::kReleaseAdvert, S::kBackup},
    TransitionRule{S::kBackup, E::kMasterVanished, S::kBackup},
    TransitionRule{S::kBackup, E::kMasterDown, S::kMaster},
    TransitionRule{S::kBackup, E::kPreemptDue, S::kMaster},
    TransitionRule{S::kBackup, E::kDisabled, S::kInit},
    TransitionRule{S::kBackup, E::kStop, S::kInit},
    TransitionRule{S::kMaster, E::kAdvertDue, S::kMaster},
    TransitionRule{S::kMaster, E::kWorseAdvert, S::kMaster},
    TransitionRule{S::kMaster, E::kReleaseAdvert, S::kMaster},
    TransitionRule{S::kMaster, E::kBetterAdvert, S::kBackup},
    TransitionRule{S::kMaster, E::kLeaseLost, S::kBackup},
    TransitionRule{S::kMaster, E::kDisabled, S::kInit},
    TransitionRule{S::kMaster, E::kStop, S::kReleasing},
    TransitionRule{S::kReleasing, E::kAdvertDue, S::kReleasing},
    TransitionRule{S::kReleasing, E::kBetterAdvert, S::kInit},
    TransitionRule{S::kReleasing, E::kWorseAdvert, S::kInit},
    TransitionRule{S::kReleasing, E::kUnwellAdvert, S::kInit},
    TransitionRule{S::kReleasing, E::kReleaseTimeout, S::kInit},
    TransitionRule{S::kReleasing, E::kDisabled, S::kInit},
};

// A hint (a dead process, a planned release, an unwell master) is acted on as fast as if the
// interval were this short, in the order of priorities: 3.3 ms for the first backup.
constexpr Duration kHintInterval = kCentisecond;

// A release by somebody who was not known to own may be one that yields to an owner, who speaks up
// at once.
constexpr Duration kDoubt = 20ms;

// How often a release is repeated among nodes: one of two packets may be lost.
constexpr Duration kRepeatRelease = 100ms;
constexpr Duration kShortestRelease = 400ms;
constexpr Duration kLongestRelease = 2s;

// How long a bid outdoes an earlier one.
constexpr Duration kMovingFor = 1s;

}  // namespace

std::span<const TransitionRule> transition_rules() noexcept { return kRules; }

Election::Election(const VirtualRouter& router, Health health)
    : router_(router), health_(health), master_interval_(router.interval) {}

Duration Election::skew(Priority priority, Duration interval) noexcept {
    return interval * (256 - priority) / 256;
}

Duration Election::short_skew() const noexcept {
    // Foreign backups count on RFC 9568's order of priorities.
    if (!router_.foreign_peers.empty()) return skew(priority(), skew_interval());
    return skew(priority(), kHintInterval);
}

// Long enough for the slowest backup to notice, had a release been lost, but an end that is asked
// for does not wait longer than people do.
Duration Election::release_wait() const noexcept {
    if (router_.nodes.empty() && router_.foreign_peers.empty()) return Duration{};
    return std::clamp<Duration>(4 * router_.interval, kShortestRelease, kLongestRelease);
}

// Foreign backups begin to count anew with each release (RFC 9568 §6.4.2).
Duration Election::release_interval() const noexcept {
    if (!router_.foreign_peers.empty()) return router_.interval;
    return std::min<Duration>(router_.interval, kRepeatRelease);
}

Duration Election::skew_interval() const noexcept {
    if (router_.version == VrrpVersion::kV2) return 1s;
    return router_.foreign_peers.empty() ? master_interval_ / 2 : master_interval_;
}

Duration Election::master_down() const noexcept {
    return 3 * master_interval_ + skew(priority(), skew_interval());
}

Priority Election::priority() const noexcept {
    int sum = bid_ != 0 ? bid_ : router_.priority;
    if (health_ == Health::kBad) sum = router_.priority - kHealthPenalty;
    return static_cast<Priority>(std::max(sum - penalty_, 1));
}

bool Election::is_well() const noexcept {
    return health_ == Health::kGood && priority() >= kHealthyFloor;
}

bool Election::owns(TimePoint now) const noexcept {
    return (state_ == S::kMaster || state_ == S::kReleasing) && now < lease_end_;
}

TimePoint Election::next_deadline() const noexcept {
    switch (state_) {
        case S::kInit:
        case S::kProbing: return kNever;
        case S::kBackup: return std::min(claim_due_, preempt_due_);
        case S::kMaster: return advert_due_;
        case S::kReleasing: return std::min(advert_due_, release_end_);
    }
    return kNever;
}

std::optional<Transition> Election::take_transition() noexcept {
    return std::exchange(transition_, std::nullopt);
}

Effects Election::enable(IpAddress own, TimePoint now) {
    own_ = own;
    return step(E::kEnabled, now);
}

Effects Election::disable(TimePoint now) { return step(E::kDisabled, now); }

Effects Election::probe_clear(TimePoint now) { return step(E::kProbeClear, now); }

Effects Election::stop(TimePoint now) { return step(E::kStop, now); }

Effects Election::master_vanished(IpAddress address, TimePoint now) {
    if (master_ != address) return {};
    return step(E::kMasterVanished, now);
}

bool Election::can_bid() const noexcept {
    return state_ == S::kBackup && is_well() && (!master_ || master_priority_ < kMovingPriority);
}

Effects Election::bid(TimePoint now) {
    if (!can_bid()) return {};
    bid_ = kMovingPriority;
    return step(E::kPreemptDue, now);
}

Effects Election::set_health(Health health, TimePoint now) {
    if (health == health_) return {};
    health_ = health;
    if (health == Health::kBad) bid_ = 0;
    return reconsider(now);
}

Effects Election::set_penalty(Priority penalty, TimePoint now) {
    if (std::exchange(penalty_, penalty) == penalty) return {};
    return reconsider(now);
}

// The priority is another one.
Effects Election::reconsider(TimePoint now) {
    if (state_ == S::kMaster && owns(now)) return advertise(now);
    if (state_ != S::kBackup || !master_) return {};
    // Whether to relieve the master is a different question now; its next advert answers it.
    preempt_due_ = kNever;
    claim_due_ = std::max(claim_due_, now + master_down());
    return {};
}

Effects Election::reconfigure(const VirtualRouter& router, TimePoint now) {
    router_ = router;
    if (state_ == S::kMaster && owns(now)) return advertise(now);
    preempt_due_ = kNever;
    return {};
}

Effects Election::on_advert(const HeardAdvert& advert, TimePoint now) {
    if (state_ == S::kInit) return {};
    if (state_ == S::kMaster && !owns(now)) {
        const Effects lost = step(E::kLeaseLost, now);
        return lost | on_advert(advert, now);
    }
    const E event = classify(advert);
    if (event == E::kReleaseAdvert) return on_release(advert, now);
    const bool takes_over = state_ != S::kMaster || event == E::kBetterAdvert;
    if (takes_over) follow(advert, now);
    return step(event, now);
}

// Only the master can release; a router that just yielded to it says the same to make the survivor
// announce itself, and must not start an election. Whoever has just started knows no master yet.
Effects Election::on_release(const HeardAdvert& advert, TimePoint now) {
    if (state_ != S::kBackup && state_ != S::kProbing) return step(E::kReleaseAdvert, now);
    if (master_ && master_ != advert.source) return {};
    const Duration doubt = master_ ? Duration{} : kDoubt;
    owner_known_ = true;
    master_ = advert.source;
    master_speaker_ = advert.speaker;
    const Effects effects = step(E::kReleaseAdvert, now);
    claim_due_ += doubt;
    return effects;
}

Effects Election::asked(TimePoint now) {
    if (!owns(now)) return {};
    return state_ == S::kMaster ? advertise(now) : Effect::kRelease;
}

Effects Election::on_timer(TimePoint now) {
    switch (state_) {
        case S::kInit:
        case S::kProbing: return {};
        case S::kBackup:
            if (now >= claim_due_) return step(E::kMasterDown, now);
            if (now >= preempt_due_) return step(E::kPreemptDue, now);
            return {};
        case S::kMaster:
            if (now >= lease_end_) return step(E::kLeaseLost, now);
            return now >= advert_due_ ? step(E::kAdvertDue, now) : Effects{};
        case S::kReleasing:
            if (now >= release_end_) return step(E::kReleaseTimeout, now);
            return now >= advert_due_ ? step(E::kAdvertDue, now) : Effects{};
    }
    return {};
}

bool Election::beats_us(const HeardAdvert& advert) const noexcept {
    if (advert.priority != priority()) return advert.priority > priority();
    return advert.source > advert.ours.value_or(own_);
}

ElectionEvent Election::classify(const HeardAdvert& advert) const noexcept {
    if (advert.priority == kReleasePriority) return E::kReleaseAdvert;
    if (beats_us(advert)) return E::kBetterAdvert;
    const bool unwell = advert.speaker == Speaker::kHearth && advert.priority < kHealthyFloor;
    if (unwell && is_well() && state_ != S::kMaster) return E::kUnwellAdvert;
    return E::kWorseAdvert;
}

Effects Election::step(ElectionEvent event, TimePoint now) {
    const auto rule = std::find_if(kRules.begin(), kRules.end(), [&](const TransitionRule& r) {
        return r.state == state_ && r.event == event;
    });
    if (rule == kRules.end()) return {};
    if (rule->next == state_) return remain(event, now);
    return enter(rule->next, event, now);
}

// The rules that stay in their state.
Effects Election::remain(ElectionEvent event, TimePoint now) {
    switch (event) {
        case E::kAdvertDue:
            if (state_ == S::kMaster) return advertise(now);
            advert_due_ = now + release_interval();
            return Effect::kRelease;
        case E::kWorseAdvert:
            if (state_ == S::kMaster) return advertise(now) | Effects(Effect::kAnnounce);
            schedule_preempt(now);
            return {};
        case E::kReleaseAdvert:
            // A rival gave in: the LAN may still believe it.
            if (state_ == S::kMaster) return advertise(now) | Effects(Effect::kAnnounce);
            hasten_claim(Claim::kByRelease, now);
            return {};
        case E::kUnwellAdvert: hasten_claim(Claim::kByHealth, now); return {};
        case E::kMasterVanished: hasten_claim(Claim::kByDeath, now); return {};
        default: return {};
    }
}

Effects Election::enter(ElectionState next, ElectionEvent event, TimePoint now) {
    if (next == S::kProbing && owner_known_) next = S::kBackup;
    const ElectionState from = std::exchange(state_, next);
    transition_ = Transition{from, next, event};
    since_ = now;
    if (next != S::kMaster) bid_ = 0;
    if (next == S::kMaster) {
        predecessor_.reset();
        if (master_ && master_speaker_ == Speaker::kHearth)
            predecessor_ = {*master_, life_of_master(event)};
    }
    if (from == S::kMaster && event == E::kBetterAdvert) return yield();
    switch (next) {
        case S::kProbing: return Effect::kProbe;
        case S::kMaster: return claim(now);
        case S::kBackup:
            if (event == E::kEnabled || event == E::kLeaseLost || event == E::kProbeClear) {
                master_.reset();
                wait_for_master(now);
                return Effect::kWithdraw;
            }
            return remain(event, now);
        case S::kReleasing:
            advert_due_ = now + release_interval();
            release_end_ = lease_end_ = now + release_wait();
            return Effect::kRelease;
        case S::kInit: break;
    }
    // A releasing master that heard its successor keeps it as master for those who ask.
    if (from != S::kReleasing) master_.reset();
    claim_due_ = preempt_due_ = advert_due_ = kNever;
    return Effect::kWithdraw;
}

// As it is when it is no longer master, because of `event`.
Predecessor::Life Election::life_of_master(ElectionEvent event) const noexcept {
    using Life = Predecessor::Life;
    if (event == E::kPreemptDue || claim_ == Claim::kByRelease) return Life::kAlive;
    return claim_ == Claim::kByHealth ? Life::kUnwell : Life::kSilent;
}

Effects Election::claim(TimePoint now) {
    owner_known_ = true;
    master_.reset();
    master_interval_ = router_.interval;
    claim_due_ = preempt_due_ = kNever;
    return advertise(now) | Effects(Effect::kAnnounce);
}

Effects Election::advertise(TimePoint now) {
    if (bid_ != 0 && now - since_ >= kMovingFor) bid_ = kMovedPriority;
    advert_due_ = now + router_.interval;
    // The earliest moment at which the fastest backup may own instead.
    lease_end_ = now + 3 * router_.interval;
    return Effect::kAdvertise;
}

// Two masters met and we are the lesser. Saying so makes the survivor announce itself to
// those who learned our MAC; foreign routers would take it for a release of theirs.
Effects Election::yield() {
    advert_due_ = lease_end_ = kNever;
    if (!router_.foreign_peers.empty()) return Effect::kWithdraw;
    return Effect::kRelease | Effect::kWithdraw;
}

void Election::follow(const HeardAdvert& advert, TimePoint now) noexcept {
    owner_known_ = true;
    if (master_ != advert.source) preempt_due_ = kNever;
    master_ = advert.source;
    master_priority_ = advert.priority;
    master_interval_ = advert.interval;
    master_speaker_ = advert.speaker;
    const E event = classify(advert);
    if (event != E::kUnwellAdvert) wait_for_master(now);
    if (event == E::kBetterAdvert) preempt_due_ = kNever;
}

void Election::wait_for_master(TimePoint now) noexcept {
    claim_due_ = now + master_down();
    claim_ = Claim::kByTimeout;
}

void Election::schedule_preempt(TimePoint now) noexcept {
    if (!is_well() || router_.preemption == Preemption::kNever || preempt_due_ != kNever) return;
    preempt_due_ = now + router_.preempt_delay;
}

void Election::hasten_claim(Claim why, TimePoint now) noexcept {
    claim_due_ = std::min(claim_due_, now + short_skew());
    claim_ = why;
}

}  // namespace hearth::lb
