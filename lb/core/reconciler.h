#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/mac.h"
#include "base/time.h"
#include "lb/core/announcer.h"
#include "lb/core/conflict_guard.h"
#include "lb/core/election.h"
#include "lb/core/neighbours.h"
#include "lb/model/arp.h"
#include "lb/model/drop.h"
#include "lb/model/frame.h"
#include "lb/model/ndp.h"
#include "lb/model/virtual_router.h"

namespace hearth::lb {

// The interface on the LAN, as it is now.
struct LanState {
    IpAddress address;  // this node's
    MacAddress mac;
    enum class Link : std::uint8_t { kDown, kUp } link = Link::kDown;
    // Where its IPv6 adverts come from (RFC 9568 §5.1.2.1).
    std::optional<IpAddress> link_local = std::nullopt;

    friend bool operator==(const LanState&, const LanState&) = default;
};

struct TransitionReport {
    Vrid vrid = 0;
    std::vector<std::string> vips;
    Transition transition;
};
struct ConflictReport {
    Vip vip;
    MacAddress holder;
};

// An advert in the name of a router of the document that is not followed.
struct RefusedAdvert {
    IpAddress source;
    Drop why = Drop::kTruncated;
    TimePoint at{};
};

// TCP to `vip` that belongs to no connection of this host is the business of another node, which
// owned the VIP before.
struct Redirect {
    IpAddress vip;
    MacAddress to;
    Predecessor::Life life = Predecessor::Life::kAlive;

    friend bool operator==(const Redirect&, const Redirect&) = default;
};

struct VipPlace {
    enum class Place : std::uint8_t {
        kHere,
        kJustLeft,  // late clients still open connections here
        kElsewhere,
    };
    IpAddress address;
    Place place = Place::kElsewhere;

    friend bool operator==(const VipPlace&, const VipPlace&) = default;
};

// What the caller does next: frames in this order, then whatever people should hear of.
struct Output {
    std::vector<Frame> frames;
    std::vector<TransitionReport> transitions;
    std::vector<ConflictReport> conflicts;
};

// One virtual router as shown to people.
struct RouterView {
    const VirtualRouter* router = nullptr;
    ElectionState state = ElectionState::kInit;
    Priority priority = 0;
    Health health = Health::kBad;
    std::optional<IpAddress> master;  // ourselves included
    TimePoint since{};
    std::uint64_t transitions = 0;
    std::uint64_t conflicts = 0;
    std::vector<std::optional<MacAddress>> holders;  // per VIP: a stranger that uses it
};

// What was asked and said about VIPs.
struct NeighbourCounters {
    std::uint64_t requests = 0;  // for a VIP of ours
    std::uint64_t replies = 0;
    std::uint64_t gratuitous = 0;

    NeighbourCounters& operator+=(const NeighbourCounters& other) noexcept {
        requests += other.requests;
        replies += other.replies;
        gratuitous += other.gratuitous;
        return *this;
    }
};

// All virtual routers of this node on its LAN: packets, health and time go in, frames come out.
// Not thread-safe. After any call: take_output(), then wait until next_deadline() at most.
class Reconciler {
public:
    // Routers that are the same as before go on undisturbed; those that are gone hand over
    // and then disappear.
    void configure(const std::vector<VirtualRouter>& routers, TimePoint now);
    void set_lan(const LanState& lan, TimePoint now);
    void set_health(Daemon daemon, Health health, TimePoint now);
    // What virtual routers track, by its name there; good until it is said otherwise.
    void set_track(std::string_view subject, Health health, TimePoint now);
    // Drained: like unwell, so that a well node takes over at once; without one it goes on serving.
    void set_duty(Duty duty, TimePoint now);
    // People want this VIP here, with those of its virtual router.
    enum class Taken : std::uint8_t { kOwned, kMoved, kNoCandidate, kUnfit };
    Taken take(std::string_view vip, TimePoint now);
    // `packet` begins at the IP header; `from` sent it on the Ethernet.
    void on_vrrp(ByteView packet, MacAddress from, TimePoint now);
    void on_arp(ByteView payload, Delivery delivery, TimePoint now);
    // `packet` begins at the IPv6 header.
    void on_ndp(ByteView packet, MacAddress from, Delivery delivery, TimePoint now);
    // Nothing listens any more at a node that answers: its hearth-lb is dead.
    void on_node_vanished(IpAddress node, TimePoint now);
    void on_timer(TimePoint now);
    // Hands over whatever is owned; done when is_idle().
    void stop(TimePoint now);

    [[nodiscard]] bool is_idle() const noexcept;
    [[nodiscard]] TimePoint next_deadline() const noexcept;
    [[nodiscard]] Output take_output() noexcept;

    [[nodiscard]] std::vector<RouterView> view(TimePoint now) const;
    // VIPs that must stay on this host: configured ones and those still being handed over.
    [[nodiscard]] std::vector<IpAddress> addresses() const;
    // Of those: what belongs on the LAN's interface, too, as long as this node owns it.
    [[nodiscard]] std::vector<IpAddress> interface_addresses(TimePoint now) const;
    // Where VIPs are, as far as this node knows.
    [[nodiscard]] std::vector<VipPlace> places(TimePoint now) const;
    // In force while this node owns what another one handed over, for kServeOldConnections at most.
    [[nodiscard]] const std::vector<Redirect>& redirects() const noexcept { return redirects_; }
    [[nodiscard]] const DropCounters& drops() const noexcept { return drops_; }
    // The last one, should there have been any.
    [[nodiscard]] const std::optional<RefusedAdvert>& refused() const noexcept { return refused_; }
    [[nodiscard]] const NeighbourCounters& arp_counters() const noexcept { return arp_; }
    [[nodiscard]] const NeighbourCounters& ndp_counters() const noexcept { return ndp_; }
    [[nodiscard]] const LanState& lan() const noexcept { return lan_; }

    static constexpr Duration kServeOldConnections = 1h;
    // A client that heard the last announcement late (Linux's lock time, announcements at 0, 1.1
    // and 2.2 s) still comes to a node that handed over, so long after it.
    static constexpr Duration kServeAfterMove = 2500ms;
    // A silent one's wait so long for a sign that it lives: its adverts may only have been late.
    // And so long clients may go on to come here, after somebody else took over.
    static constexpr Duration kDoubt = 500ms;

private:
    enum class Life : std::uint8_t { kActive, kRetiring };
    // One virtual router of RFC 9568: a VRID in one family.
    struct Part {
        Vrid vrid = 0;
        IpFamily family = IpFamily::kV4;
        std::vector<IpAddress> addresses;
    };
    struct Router {
        VirtualRouter settings;
        std::vector<IpAddress> addresses;  // of settings.vips, ascending
        std::vector<Part> parts;
        Election election;
        Announcer announcer;
        ClaimProbe probe;
        std::vector<ConflictGuard> guards;  // one per VIP
        struct Handover {
            IpAddress from;
            MacAddress mac;
            TimePoint begin{};
            Predecessor::Life life{};
            TimePoint lost = kNever;  // when this node ceased to own

            [[nodiscard]] TimePoint end() const noexcept {
                const bool is_silent = life == Predecessor::Life::kSilent;
                const TimePoint end = begin + (is_silent ? kDoubt : kServeOldConnections);
                return lost == kNever ? end : std::min(end, lost + kDoubt);
            }
        };
        std::optional<Handover> handover;
        Life life = Life::kActive;
        std::uint64_t transitions = 0;
        std::uint64_t conflicts = 0;

        Router(const VirtualRouter& router, Health health);
        [[nodiscard]] bool has(IpFamily family) const noexcept;
    };

    [[nodiscard]] Health health_of(const VirtualRouter& router) const noexcept;
    [[nodiscard]] Priority penalty_of(const VirtualRouter& router) const noexcept;
    [[nodiscard]] bool can_speak_for(const Router& router, const LanState& lan) const noexcept;
    // This node's source address for adverts of `family`.
    [[nodiscard]] IpAddress own_source(IpFamily family) const noexcept;
    void refuse_advert(const std::optional<IpAddress>& source, MacAddress from, Drop why,
                       TimePoint now);
    [[nodiscard]] Router* find_router(const Advert& advert, Drop& why_not) noexcept;
    // Who sent an advert of `router`; none: somebody the document does not name.
    [[nodiscard]] std::optional<HeardAdvert> identify(const Router& router, const Advert& advert,
                                                      MacAddress from) const noexcept;
    void carry_out(Router& router, Effects effects, TimePoint now);
    void send_adverts(Router& router, Priority priority, TimePoint now);
    void send_gratuitous(Router& router);
    void send_probes(Router& router);
    void send_part(const Router& router, const Part& part, Priority priority, TimePoint now);
    // Somebody at `mac` says that `address` is its own; true when it is a VIP of ours.
    [[nodiscard]] bool hear_claim(const IpAddress& address, MacAddress mac, TimePoint now);
    // Somebody is about to claim `address`: a conflict while we are, too (RFC 4862 §5.4.3).
    [[nodiscard]] bool hear_rival_probe(const IpAddress& address, MacAddress mac, TimePoint now);
    // May this node answer a question about `address`? Whatever it must not answer is counted.
    [[nodiscard]] bool may_answer(const IpAddress& address, NeighbourCounters& counters,
                                  TimePoint now);
    // Tells the node at this MAC address who owns.
    void greet(const IpAddress& vip, MacAddress node, TimePoint now);
    void on_foreign_claim(Router& router, std::size_t vip, MacAddress holder, TimePoint now);
    void learn(IpAddress address, MacAddress mac, TimePoint now) noexcept;
    [[nodiscard]] bool is_stranger(const Router& router, MacAddress mac) const noexcept;
    void note_handover(Router& router, const Transition& transition, TimePoint now);
    void begin_handover(Router& router, TimePoint now);
    void end_handovers(TimePoint now);
    void list_redirects();
    void run_timers(Router& router, TimePoint now);
    void watch_neighbours(TimePoint now);
    void ask_for_neighbours(TimePoint now);
    void erase_retired() noexcept;

    LanState lan_;
    std::array<Health, kDaemonCount> health_{};
    Duty duty_ = Duty::kServing;
    std::set<std::string, std::less<>> missing_;  // of what is tracked
    std::vector<std::unique_ptr<Router>> routers_;
    Neighbours neighbours_;
    std::vector<Redirect> redirects_;
    DropCounters drops_;
    std::optional<RefusedAdvert> refused_;
    NeighbourCounters arp_;
    NeighbourCounters ndp_;
    Output output_;
};

}  // namespace hearth::lb
