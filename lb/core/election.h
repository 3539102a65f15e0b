#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/ip.h"
#include "base/time.h"
#include "lb/model/election_state.h"
#include "lb/model/virtual_router.h"
#include "lb/model/vrrp.h"

namespace hearth::lb {

// What one step of the election asks for. Adverts leave before ARP (RFC 9568 §6.4.2).
enum class Effect : std::uint8_t {
    kAdvertise = 1,  // an advertisement with priority()
    kRelease = 2,    // an advertisement with priority 0
    kAnnounce = 4,   // gratuitous ARP: the VIPs are here now
    kWithdraw = 8,   // stop announcing
    kProbe = 16,     // ask whether anybody uses the VIPs
};

class Effects {
public:
    Effects() = default;
    Effects(Effect effect) noexcept : bits_(static_cast<std::uint8_t>(effect)) {}
    Effects& operator|=(Effects other) noexcept {
        bits_ = static_cast<std::uint8_t>(bits_ | other.bits_);
        return *this;
    }
    [[nodiscard]] bool has(Effect effect) const noexcept {
        return (bits_ & static_cast<std::uint8_t>(effect)) != 0;
    }

private:
    std::uint8_t bits_ = 0;
};

[[nodiscard]] inline Effects operator|(Effects a, Effects b) noexcept { return a |= b; }
[[nodiscard]] inline Effects operator|(Effect a, Effect b) noexcept {
    return Effects(a) | Effects(b);
}

enum class Speaker : std::uint8_t { kHearth, kForeign };

// An advertisement of our virtual router, already found to be genuine.
struct HeardAdvert {
    IpAddress source;  // a node's address in the document, or that of a foreign router
    Priority priority = 0;
    Duration interval{};
    Speaker speaker = Speaker::kHearth;
    // Our address as `source` knows us, which decides between equal priorities; none: the one that
    // enable() was given.
    std::optional<IpAddress> ours = std::nullopt;
};

struct Transition {
    ElectionState from = ElectionState::kInit;
    ElectionState to = ElectionState::kInit;
    ElectionEvent cause = ElectionEvent::kEnabled;
};

// One step of the table: what happened, in which state, leads where.
struct TransitionRule {
    ElectionState state;
    ElectionEvent event;
    ElectionState next;
};
[[nodiscard]] std::span<const TransitionRule> transition_rules() noexcept;

// The node that owned before.
struct Predecessor {
    enum class Life : std::uint8_t {
        kAlive,   // it said so itself: a planned move
        kUnwell,  // likewise; what is behind the VIPs does not work there, or it is drained
        kSilent,  // dead, or its hearth-lb is, or cut off, or just too busy to advertise
    };
    IpAddress address;
    Life life = Life::kSilent;
};

// Who owns one virtual router's VIPs: VRRPv3 (RFC 9568 §6.4) as one participant sees it.
//
// Beyond the RFC, and invisible to other implementations:
//  * Health is priority. A healthy Hearth node relieves an unhealthy one at once, without the
//    preempt delay; an unhealthy one never preempts a living master, so the last owner
//    keeps the VIP when nobody is well.
//  * Mastership is a lease that every advertisement renews. Who was suspended for longer
//    than a backup waits is no longer owner when it wakes, and answers nothing.
//  * A planned release keeps answering until the successor is heard.
//
// Not thread-safe. Each call takes the time; act on its Effects, then ask next_deadline().
class Election {
public:
    Election(const VirtualRouter& router, Health health);

    // The interface came up with `own` address, or went down.
    Effects enable(IpAddress own, TimePoint now);
    Effects disable(TimePoint now);
    Effects on_advert(const HeardAdvert& advert, TimePoint now);
    // Another node asks who has the VIPs: it has just started, and knows no owner yet.
    Effects asked(TimePoint now);
    Effects on_timer(TimePoint now);
    // RFC 5227 is satisfied: nobody uses the VIPs. Only heeded while probing.
    Effects probe_clear(TimePoint now);
    // No process listens any more at the node `address`; counts only if that is the master.
    Effects master_vanished(IpAddress address, TimePoint now);
    Effects set_health(Health health, TimePoint now);
    // What tracked things cost now.
    Effects set_penalty(Priority penalty, TimePoint now);
    // People want the VIPs here: takes them over from a living master, and keeps them against
    // better nodes until they go elsewhere. Nothing happens unless can_bid().
    Effects bid(TimePoint now);
    [[nodiscard]] bool can_bid() const noexcept;
    Effects stop(TimePoint now);
    // New settings of the same virtual router; neither state nor ownership changes by itself.
    Effects reconfigure(const VirtualRouter& router, TimePoint now);

    [[nodiscard]] ElectionState state() const noexcept { return state_; }
    [[nodiscard]] TimePoint next_deadline() const noexcept;
    // May this node answer for the VIPs at `now`? False as soon as the lease is over.
    [[nodiscard]] bool owns(TimePoint now) const noexcept;
    [[nodiscard]] Priority priority() const noexcept;
    [[nodiscard]] Health health() const noexcept { return health_; }
    // The node whose adverts are followed; none while nobody is known to own.
    [[nodiscard]] std::optional<IpAddress> master() const noexcept { return master_; }
    [[nodiscard]] Priority master_priority() const noexcept { return master_priority_; }
    // Whom this node, as owner, took the VIPs from. Its open TCP connections are still there.
    [[nodiscard]] const std::optional<Predecessor>& predecessor() const noexcept {
        return predecessor_;
    }
    // Since when the state is what it is.
    [[nodiscard]] TimePoint since() const noexcept { return since_; }
    // The last change of state not yet taken; the caller logs and counts it.
    [[nodiscard]] std::optional<Transition> take_transition() noexcept;

    // How much longer than others a backup with `priority` waits, which counts in `interval`s.
    [[nodiscard]] static Duration skew(Priority priority, Duration interval) noexcept;

private:
    // Why this backup takes over when its time has come.
    enum class Claim : std::uint8_t { kByTimeout, kByDeath, kByRelease, kByHealth };

    Effects step(ElectionEvent event, TimePoint now);
    Effects enter(ElectionState next, ElectionEvent event, TimePoint now);
    Effects claim(TimePoint now);
    Effects advertise(TimePoint now);
    Effects remain(ElectionEvent event, TimePoint now);
    Effects on_release(const HeardAdvert& advert, TimePoint now);
    Effects yield();
    [[nodiscard]] ElectionEvent classify(const HeardAdvert& advert) const noexcept;
    Effects reconsider(TimePoint now);
    // Fit to relieve others: at or above the floor.
    [[nodiscard]] bool is_well() const noexcept;
    // The interval that skews count in; in version 2 it is always a second (RFC 3768 §6.1). All
    // that a skew is for is the order of the backups: among nodes, half of it keeps that.
    [[nodiscard]] Duration skew_interval() const noexcept;
    [[nodiscard]] Duration master_down() const noexcept;
    [[nodiscard]] bool beats_us(const HeardAdvert& advert) const noexcept;
    void follow(const HeardAdvert& advert, TimePoint now) noexcept;
    void wait_for_master(TimePoint now) noexcept;
    void schedule_preempt(TimePoint now) noexcept;
    void hasten_claim(Claim why, TimePoint now) noexcept;
    [[nodiscard]] Predecessor::Life life_of_master(ElectionEvent event) const noexcept;
    [[nodiscard]] Duration release_wait() const noexcept;
    [[nodiscard]] Duration release_interval() const noexcept;
    // Orders several claimants after a hint that is not the interval's business.
    [[nodiscard]] Duration short_skew() const noexcept;

    VirtualRouter router_;
    Health health_;
    IpAddress own_;
    ElectionState state_ = ElectionState::kInit;
    TimePoint since_{};
    Priority penalty_ = 0;
    Priority bid_ = 0;          // instead of the document's priority; 0: none
    bool owner_known_ = false;  // since the VIPs were configured: no probing any more

    std::optional<IpAddress> master_;
    Priority master_priority_ = 0;
    Duration master_interval_{};
    Speaker master_speaker_ = Speaker::kHearth;
    std::optional<Predecessor> predecessor_;
    Claim claim_ = Claim::kByTimeout;

    TimePoint claim_due_ = kNever;    // backup: the master-down timer
    TimePoint preempt_due_ = kNever;  // backup: better than the master for long enough
    TimePoint advert_due_ = kNever;   // master and releasing
    TimePoint lease_end_ = kNever;    // master and releasing
    TimePoint release_end_ = kNever;  // releasing
    std::optional<Transition> transition_;
};

}  // namespace hearth::lb
