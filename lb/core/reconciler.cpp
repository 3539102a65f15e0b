#include "lb/core/reconciler.h"

#include <algorithm>
#include <utility>

#include "lb/core/arp_codec.h"
#include "lb/core/vrrp_codec.h"

namespace hearth::lb {
namespace {

constexpr MacAddress kVrrpGroupMac{{0x01, 0x00, 0x5e, 0x00, 0x00, 0x12}};

std::vector<IpAddress> addresses_of(const VirtualRouter& router) {
    std::vector<IpAddress> addresses;
    for (const auto& vip : router.vips) addresses.push_back(vip.address);
    return addresses;
}

bool contains(const std::vector<IpAddress>& list, const IpAddress& address) {
    return std::find(list.begin(), list.end(), address) != list.end();
}

// Nothing changed that the others, or the LAN, would have to agree on first.
bool is_same_router(const VirtualRouter& a, const VirtualRouter& b) {
    return a.vrid == b.vrid && a.vips == b.vips;
}

// 00-00-5E-00-01-{VRID} (RFC 9568 §7.3): foreign masters may answer ARP with it.
bool is_virtual_mac(MacAddress mac, Vrid vrid) noexcept {
    return mac == MacAddress{{0x00, 0x00, 0x5e, 0x00, 0x01, vrid}};
}

}  // namespace

Reconciler::Router::Router(const VirtualRouter& router, Health health)
    : settings(router),
      addresses(addresses_of(router)),
      election(router, health),
      guards(router.vips.size()) {}

Health Reconciler::health_of(const VirtualRouter& router) const noexcept {
    const bool all_good = std::all_of(router.watched.begin(), router.watched.end(), [&](Daemon d) {
        return health_[static_cast<std::size_t>(d)] == Health::kGood;
    });
    return all_good && duty_ == Duty::kServing ? Health::kGood : Health::kBad;
}

void Reconciler::configure(const std::vector<VirtualRouter>& routers, TimePoint now) {
    std::vector<std::unique_ptr<Router>> next;
    for (const auto& settings : routers) {
        const auto old = std::find_if(routers_.begin(), routers_.end(), [&](const auto& r) {
            return r && r->life == Life::kActive && is_same_router(r->settings, settings);
        });
        if (old == routers_.end()) {
            next.push_back(std::make_unique<Router>(settings, health_of(settings)));
            continue;
        }
        Router& router = **old;
        if (!(router.settings == settings)) {
            router.settings = settings;
            carry_out(router, router.election.reconfigure(settings, now), now);
            carry_out(router, router.election.set_health(health_of(settings), now), now);
        }
        next.push_back(std::move(*old));
    }
    for (auto& gone : routers_) {
        if (!gone) continue;
        if (gone->life == Life::kActive) carry_out(*gone, gone->election.stop(now), now);
        gone->life = Life::kRetiring;
        next.push_back(std::move(gone));
    }
    routers_ = std::move(next);
    erase_retired();
    watch_neighbours(now);
    if (lan_.link != LanState::Link::kUp) return;
    for (auto& router : routers_) {
        if (router->life == Life::kActive)
            carry_out(*router, router->election.enable(lan_.address, now), now);
    }
}

void Reconciler::watch_neighbours(TimePoint now) {
    std::vector<IpAddress> watched;
    for (const auto& router : routers_) {
        const auto& s = router->settings;
        watched.insert(watched.end(), s.nodes.begin(), s.nodes.end());
        watched.insert(watched.end(), s.foreign_peers.begin(), s.foreign_peers.end());
    }
    neighbours_.set_watched(watched, now);
}

void Reconciler::set_lan(const LanState& lan, TimePoint now) {
    const LanState old = std::exchange(lan_, lan);
    if (old == lan) return;
    neighbours_.forget_all(now);
    const bool was_up = old.link == LanState::Link::kUp;
    const bool is_up = lan.link == LanState::Link::kUp;
    const bool same_place = was_up && is_up && old.address == lan.address;
    for (auto& router : routers_) {
        if (same_place) {  // only the MAC is new: say so
            if (router->election.owns(now)) carry_out(*router, Effect::kAnnounce, now);
            continue;
        }
        if (was_up) carry_out(*router, router->election.disable(now), now);
        if (is_up && router->life == Life::kActive)
            carry_out(*router, router->election.enable(lan.address, now), now);
    }
    erase_retired();
}

void Reconciler::set_health(Daemon daemon, Health health, TimePoint now) {
    health_[static_cast<std::size_t>(daemon)] = health;
    for (auto& router : routers_)
        carry_out(*router, router->election.set_health(health_of(router->settings), now), now);
}

void Reconciler::set_duty(Duty duty, TimePoint now) {
    duty_ = duty;
    for (auto& router : routers_)
        carry_out(*router, router->election.set_health(health_of(router->settings), now), now);
}

Reconciler::Taken Reconciler::take(std::string_view vip, TimePoint now) {
    for (auto& router : routers_) {
        const auto& vips = router->settings.vips;
        const bool has =
            std::any_of(vips.begin(), vips.end(), [&](const Vip& one) { return one.name == vip; });
        if (!has || router->life != Life::kActive) continue;
        if (router->election.owns(now)) return Taken::kOwned;
        if (!router->election.can_bid()) return Taken::kUnfit;
        carry_out(*router, router->election.bid(now), now);
        return Taken::kMoved;
    }
    return Taken::kNoCandidate;
}

void Reconciler::on_node_vanished(IpAddress node, TimePoint now) {
    for (auto& router : routers_)
        carry_out(*router, router->election.master_vanished(node, now), now);
}

void Reconciler::stop(TimePoint now) {
    for (auto& router : routers_) {
        if (router->life == Life::kActive) carry_out(*router, router->election.stop(now), now);
        router->life = Life::kRetiring;
    }
    erase_retired();
}

Reconciler::Router* Reconciler::find_router(const Advert& advert, Drop& why_not) noexcept {
    why_not = Drop::kUnknownVrid;
    for (auto& router : routers_) {
        const VirtualRouter& s = router->settings;
        if (s.vrid != advert.vrid) continue;
        if (!contains(s.nodes, advert.source) && !contains(s.foreign_peers, advert.source)) {
            why_not = Drop::kUnknownPeer;
        } else if (!same_addresses(advert, router->addresses)) {
            why_not = Drop::kWrongAddressSet;
        } else {
            return router.get();
        }
    }
    return nullptr;
}

void Reconciler::on_vrrp(ByteView packet, MacAddress from, TimePoint now) {
    if (lan_.link != LanState::Link::kUp) return drops_.add(Drop::kNoLan);
    const auto advert = parse_advert(packet);
    if (!advert) return drops_.add(advert.error());
    if (advert->source == lan_.address) return drops_.add(Drop::kOwnPacket);
    if (advert->destination != lan_.address && advert->destination != vrrp_group())
        return drops_.add(Drop::kNotForUs);
    Drop why_not{};
    Router* router = find_router(*advert, why_not);
    if (router == nullptr) return drops_.add(why_not);
    learn(advert->source, from, now);
    const auto speaker =
        contains(router->settings.nodes, advert->source) ? Speaker::kHearth : Speaker::kForeign;
    const HeardAdvert heard{advert->source, advert->priority, advert->interval, speaker};
    carry_out(*router, router->election.on_advert(heard, now), now);
    erase_retired();
}

void Reconciler::learn(IpAddress address, MacAddress mac, TimePoint now) noexcept {
    neighbours_.learn(address, mac, now);
    if (!neighbours_.knows(mac)) return;
    for (auto& router : routers_)
        for (auto& guard : router->guards) guard.absolve(mac);
}

void Reconciler::on_arp(ByteView payload, Delivery delivery, TimePoint now) {
    if (lan_.link != LanState::Link::kUp) return drops_.add(Drop::kNoLan);
    if (delivery == Delivery::kOtherHost) return drops_.add(Drop::kNotForUs);
    const auto packet = parse_arp(payload);
    if (!packet) return drops_.add(packet.error());
    if (packet->sender_mac == lan_.mac) return drops_.add(Drop::kOwnPacket);
    learn(packet->sender_ip, packet->sender_mac, now);
    bool concerns_us = false;
    for (auto& router : routers_) {
        for (std::size_t i = 0; i < router->addresses.size(); ++i) {
            const IpAddress& vip = router->addresses[i];
            if (packet->sender_ip == vip) {
                concerns_us = true;
                if (is_stranger(*router, packet->sender_mac))
                    on_foreign_claim(*router, i, packet->sender_mac, now);
            } else if (packet->target_ip == vip && packet->operation == ArpOperation::kRequest) {
                concerns_us = true;
                answer(*router, *packet, now);
            }
        }
    }
    if (!concerns_us) drops_.add(Drop::kNotForUs);
}

void Reconciler::answer(Router& router, const ArpPacket& question, TimePoint now) {
    ++arp_.requests;
    if (!router.election.owns(now)) return drops_.add(Drop::kNotOwner);
    ++arp_.replies;
    output_.frames.push_back(arp_answer(lan_.mac, question));
}

bool Reconciler::is_stranger(const Router& router, MacAddress mac) const noexcept {
    return !neighbours_.knows(mac) && !is_virtual_mac(mac, router.settings.vrid);
}

void Reconciler::on_foreign_claim(Router& router, std::size_t vip, MacAddress holder,
                                  TimePoint now) {
    ConflictGuard& guard = router.guards[vip];
    guard.observe(holder, now);
    if (router.election.state() == ElectionState::kProbing) {
        router.probe.conflict(now);
    } else if (router.election.owns(now) && guard.take_defence(now)) {
        carry_out(router, Effect::kAnnounce, now);
    }
}

void Reconciler::carry_out(Router& router, Effects effects, TimePoint now) {
    if (effects.has(Effect::kAdvertise)) send_adverts(router, router.election.priority(), now);
    if (effects.has(Effect::kRelease)) send_adverts(router, kReleasePriority, now);
    if (effects.has(Effect::kWithdraw)) router.announcer.stop();
    if (effects.has(Effect::kAnnounce)) {
        router.announcer.start(now);
        if (router.announcer.take_due(now)) send_gratuitous(router);
    }
    if (effects.has(Effect::kProbe)) {
        router.probe.start(now);
        if (router.probe.take_due(now) == ClaimProbe::Due::kProbe) send_probes(router);
    }
    if (router.election.state() != ElectionState::kProbing) router.probe.stop();
    if (const auto transition = router.election.take_transition()) {
        ++router.transitions;
        TransitionReport report{router.settings.vrid, {}, *transition};
        for (const auto& vip : router.settings.vips) report.vips.push_back(vip.name);
        output_.transitions.push_back(std::move(report));
    }
}

void Reconciler::send_adverts(Router& router, Priority priority, TimePoint now) {
    const VirtualRouter& s = router.settings;
    const auto send = [&](IpAddress destination, MacAddress mac) {
        output_.frames.push_back(Frame{mac, EtherType::kIpv4,
                                       write_advert({lan_.address, destination, s.vrid, priority,
                                                     s.interval, router.addresses})});
    };
    if (!s.foreign_peers.empty()) return send(vrrp_group(), kVrrpGroupMac);
    for (const auto& node : s.nodes) {
        if (const auto mac = neighbours_.route_to(node, now)) send(node, *mac);
    }
}

void Reconciler::send_gratuitous(Router& router) {
    for (const auto& address : router.addresses) {
        output_.frames.push_back(gratuitous_request(lan_.mac, address));
        output_.frames.push_back(gratuitous_reply(lan_.mac, address));
        arp_.gratuitous += 2;
    }
}

void Reconciler::send_probes(Router& router) {
    for (const auto& address : router.addresses)
        output_.frames.push_back(arp_probe(lan_.mac, address));
}

void Reconciler::on_timer(TimePoint now) {
    if (lan_.link == LanState::Link::kUp) {
        for (auto& router : routers_) run_timers(*router, now);
        for (const auto& address : neighbours_.take_questions(now))
            output_.frames.push_back(arp_question(lan_.mac, lan_.address, address));
    }
    erase_retired();
}

void Reconciler::run_timers(Router& router, TimePoint now) {
    carry_out(router, router.election.on_timer(now), now);
    if (router.announcer.take_due(now)) send_gratuitous(router);
    for (std::size_t i = 0; i < router.guards.size(); ++i) {
        const auto holder = router.guards[i].take_report(now);
        if (!holder) continue;
        ++router.conflicts;
        output_.conflicts.push_back({router.settings.vips[i], *holder});
    }
    switch (router.probe.take_due(now)) {
        case ClaimProbe::Due::kNothing: break;
        case ClaimProbe::Due::kProbe: send_probes(router); break;
        case ClaimProbe::Due::kClear:
            carry_out(router, router.election.probe_clear(now), now);
            break;
    }
}

TimePoint Reconciler::next_deadline() const noexcept {
    if (lan_.link != LanState::Link::kUp) return kNever;
    TimePoint next = neighbours_.next_deadline();
    for (const auto& router : routers_) {
        next = std::min({next, router->election.next_deadline(), router->announcer.next_deadline(),
                         router->probe.next_deadline()});
        for (const auto& guard : router->guards) next = std::min(next, guard.next_deadline());
    }
    return next;
}

void Reconciler::erase_retired() noexcept {
    std::erase_if(routers_, [](const auto& r) {
        return r->life == Life::kRetiring && r->election.state() == ElectionState::kInit;
    });
}

bool Reconciler::is_idle() const noexcept { return routers_.empty(); }

Output Reconciler::take_output() noexcept { return std::exchange(output_, {}); }

std::vector<RouterView> Reconciler::view(TimePoint now) const {
    std::vector<RouterView> views;
    for (const auto& router : routers_) {
        const Election& e = router->election;
        RouterView v{&router->settings,   e.state(),         e.priority(),
                     e.health(),          e.master(),        e.since(),
                     router->transitions, router->conflicts, {}};
        if (e.owns(now)) v.master = lan_.address;
        for (const auto& guard : router->guards) v.holders.push_back(guard.holder(now));
        views.push_back(std::move(v));
    }
    return views;
}

std::vector<IpAddress> Reconciler::addresses() const {
    std::vector<IpAddress> all;
    for (const auto& router : routers_)
        all.insert(all.end(), router->addresses.begin(), router->addresses.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

}  // namespace hearth::lb
