#include "lb/core/reconciler.h"

#include <algorithm>
#include <utility>

#include "lb/core/arp_codec.h"
#include "lb/core/ndp_codec.h"
#include "lb/core/vip_frames.h"
#include "lb/core/vrrp_codec.h"
#include "lb/model/address_list.h"

namespace hearth::lb {
namespace {

constexpr MacAddress kVrrpGroupMac{{0x01, 0x00, 0x5e, 0x00, 0x00, 0x12}};

std::vector<IpAddress> vip_addresses(const VirtualRouter& router) {
    std::vector<IpAddress> addresses;
    for (const auto& vip : router.vips) addresses.push_back(vip.address);
    return addresses;
}

// Nothing changed that the others, or the LAN, would have to agree on first.
bool is_same_router(const VirtualRouter& a, const VirtualRouter& b) {
    return a.vrid == b.vrid && a.vips == b.vips;
}

// 00-00-5E-00-01-{VRID} for IPv4, -02- for IPv6 (RFC 9568 §7.3): foreign masters may answer with
// it.
bool is_virtual_mac(MacAddress mac, Vrid vrid) noexcept {
    return mac == MacAddress{{0x00, 0x00, 0x5e, 0x00, 0x01, vrid}} ||
           mac == MacAddress{{0x00, 0x00, 0x5e, 0x00, 0x02, vrid}};
}

}  // namespace

Reconciler::Router::Router(const VirtualRouter& router, Health health)
    : settings(router),
      addresses(vip_addresses(router)),
      election(router, health),
      guards(router.vips.size()) {
    for (const auto& vip : router.vips) {
        const Vrid vrid = vip.vrid != 0 ? vip.vrid : router.vrid;
        const auto same = [&](const Part& part) {
            return part.vrid == vrid && part.family == vip.address.family();
        };
        auto part = std::ranges::find_if(parts, same);
        if (part == parts.end()) part = parts.insert(part, Part{vrid, vip.address.family(), {}});
        part->addresses.push_back(vip.address);
    }
}

bool Reconciler::Router::has(IpFamily family) const noexcept {
    return std::ranges::any_of(parts, [&](const Part& part) { return part.family == family; });
}

IpAddress Reconciler::own_source(IpFamily family) const noexcept {
    return family == IpFamily::kV4 ? lan_.address : lan_.link_local.value_or(IpAddress{});
}

// All families of a router or none: one that is half there would be no owner for the other half.
bool Reconciler::can_speak_for(const Router& router, const LanState& lan) const noexcept {
    if (lan.link != LanState::Link::kUp) return false;
    return (!router.has(IpFamily::kV4) || lan.address.is_v4()) &&
           (!router.has(IpFamily::kV6) || lan.link_local);
}

Health Reconciler::health_of(const VirtualRouter& router) const noexcept {
    const bool all_good = std::all_of(router.watched.begin(), router.watched.end(), [&](Daemon d) {
        return health_[static_cast<std::size_t>(d)] == Health::kGood;
    });
    return all_good && duty_ == Duty::kServing ? Health::kGood : Health::kBad;
}

Priority Reconciler::penalty_of(const VirtualRouter& router) const noexcept {
    unsigned sum = 0;
    for (const auto& track : router.tracks)
        if (missing_.contains(track.subject)) sum += track.lower_by;
    return static_cast<Priority>(std::min(sum, 255U));
}

void Reconciler::set_track(std::string_view subject, Health health, TimePoint now) {
    const auto known = missing_.find(subject);
    if ((known == missing_.end()) == (health == Health::kGood)) return;
    if (health == Health::kGood)
        missing_.erase(known);
    else
        missing_.emplace(subject);
    for (auto& router : routers_)
        carry_out(*router, router->election.set_penalty(penalty_of(router->settings), now), now);
}

void Reconciler::configure(const std::vector<VirtualRouter>& routers, TimePoint now) {
    std::vector<std::unique_ptr<Router>> next;
    for (const auto& settings : routers) {
        const auto old = std::find_if(routers_.begin(), routers_.end(), [&](const auto& r) {
            return r && r->life == Life::kActive && is_same_router(r->settings, settings);
        });
        if (old == routers_.end()) {
            next.push_back(std::make_unique<Router>(settings, health_of(settings)));
            next.back()->election.set_penalty(penalty_of(settings), now);
            continue;
        }
        Router& router = **old;
        if (!(router.settings == settings)) {
            router.settings = settings;
            carry_out(router, router.election.reconfigure(settings, now), now);
            carry_out(router, router.election.set_health(health_of(settings), now), now);
            carry_out(router, router.election.set_penalty(penalty_of(settings), now), now);
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
    for (auto& router : routers_) {
        if (router->life == Life::kActive && can_speak_for(*router, lan_))
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
    for (auto& router : routers_) {
        const bool was_up = can_speak_for(*router, old);
        const bool is_up = can_speak_for(*router, lan);
        const bool same_place = was_up && is_up && old.address == lan.address &&
                                (!router->has(IpFamily::kV6) || old.link_local == lan.link_local);
        if (same_place) {
            if (old.mac != lan.mac && router->election.owns(now))
                carry_out(*router, Effect::kAnnounce, now);
            continue;
        }
        if (was_up) {
            carry_out(*router, router->election.disable(now), now);
            router->handover.reset();
        }
        if (is_up && router->life == Life::kActive)
            carry_out(*router, router->election.enable(lan.address, now), now);
    }
    list_redirects();
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
        for (const Part& part : router->parts) {
            if (part.vrid != advert.vrid || part.family != advert.family()) continue;
            if (advert.version != s.version) {
                why_not = Drop::kBadVersion;
            } else if (s.version == VrrpVersion::kV2 && advert.interval != s.interval) {
                why_not = Drop::kBadInterval;  // RFC 3768 §7.1: one interval for all
            } else if (!same_addresses(advert, part.addresses)) {
                why_not = Drop::kWrongAddressSet;
            } else {
                return router.get();
            }
        }
    }
    return nullptr;
}

// Nodes are known by their address in the document. Over IPv6 they speak from their link-local
// one, which the document does not tell, and are recognized by their Ethernet address.
std::optional<HeardAdvert> Reconciler::identify(const Router& router, const Advert& advert,
                                                MacAddress from) const noexcept {
    const VirtualRouter& s = router.settings;
    HeardAdvert heard{advert.source, advert.priority, advert.interval, Speaker::kHearth, {}};
    if (contains(s.foreign_peers, advert.source)) {
        heard.speaker = Speaker::kForeign;
        heard.ours = own_source(advert.family());
        return heard;
    }
    if (advert.family() == IpFamily::kV6)
        heard.source = neighbours_.owner_of(from).value_or(advert.source);
    if (!contains(s.nodes, heard.source)) return std::nullopt;
    return heard;
}

// Counted, and remembered when the document names who says he sent it. Numbers that are not ours
// may be another's business.
void Reconciler::refuse_advert(const std::optional<IpAddress>& source, MacAddress from, Drop why,
                               TimePoint now) {
    drops_.add(why);
    if (!source || why == Drop::kUnknownVrid) return;
    const IpAddress who = source->is_v6() ? neighbours_.owner_of(from).value_or(*source) : *source;
    const bool is_named = std::ranges::any_of(routers_, [&](const auto& router) {
        return contains(router->settings.nodes, who) ||
               contains(router->settings.foreign_peers, who);
    });
    if (is_named) refused_ = RefusedAdvert{who, why, now};
}

void Reconciler::on_vrrp(ByteView packet, MacAddress from, TimePoint now) {
    if (lan_.link != LanState::Link::kUp) return drops_.add(Drop::kNoLan);
    const auto advert = parse_advert(packet);
    if (!advert) return refuse_advert(source_of(packet), from, advert.error(), now);
    const IpAddress own = own_source(advert->family());
    if (advert->source == own) return drops_.add(Drop::kOwnPacket);
    if (advert->destination != own && advert->destination != vrrp_group(advert->family()))
        return drops_.add(Drop::kNotForUs);
    Drop why_not{};
    Router* router = find_router(*advert, why_not);
    if (router == nullptr) return refuse_advert(advert->source, from, why_not, now);
    const auto heard = identify(*router, *advert, from);
    if (!heard) return drops_.add(Drop::kUnknownPeer);
    learn(heard->source, from, now);
    carry_out(*router, router->election.on_advert(*heard, now), now);
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
    const bool is_claim = hear_claim(packet->sender_ip, packet->sender_mac, now);
    const bool asks =
        packet->operation == ArpOperation::kRequest && packet->sender_ip != packet->target_ip;
    if (!asks && !is_claim) drops_.add(Drop::kNotForUs);
    if (!asks || !may_answer(packet->target_ip, arp_, now)) return;
    output_.frames.push_back(arp_answer(lan_.mac, *packet));
    if (packet->is_probe()) greet(packet->target_ip, packet->sender_mac, now);
}

void Reconciler::on_ndp(ByteView packet, MacAddress from, Delivery delivery, TimePoint now) {
    if (lan_.link != LanState::Link::kUp) return drops_.add(Drop::kNoLan);
    if (delivery == Delivery::kOtherHost) return drops_.add(Drop::kNotForUs);
    const auto heard = parse_ndp(packet);
    if (!heard) return drops_.add(heard.error());
    if (from == lan_.mac) return drops_.add(Drop::kOwnPacket);
    const MacAddress mac = heard->link_address.value_or(from);
    const bool asks = heard->kind == NdpKind::kSolicitation;
    // Who detects duplicates is about to claim the address, as we are while we probe.
    const IpAddress& claimed = asks && !heard->is_probe() ? heard->source : heard->target;
    if (!heard->is_probe()) learn(claimed, mac, now);
    const bool is_claim =
        heard->is_probe() ? hear_rival_probe(claimed, mac, now) : hear_claim(claimed, mac, now);
    if (!asks && !is_claim) drops_.add(Drop::kNotForUs);
    if (!asks || !may_answer(heard->target, ndp_, now)) return;
    output_.frames.push_back(ndp_answer(lan_.mac, *heard, from));
    if (heard->is_probe()) greet(heard->target, mac, now);
}

// A node that probes has just started. Until it knows the owner it could neither follow a release
// nor a death, and the next advert may be a whole interval away.
void Reconciler::greet(const IpAddress& vip, MacAddress node, TimePoint now) {
    if (!neighbours_.knows(node)) return;
    for (auto& router : routers_)
        if (contains(router->addresses, vip)) carry_out(*router, router->election.asked(now), now);
}

bool Reconciler::hear_claim(const IpAddress& address, MacAddress mac, TimePoint now) {
    bool is_ours = false;
    for (auto& router : routers_) {
        for (std::size_t i = 0; i < router->addresses.size(); ++i) {
            if (router->addresses[i] != address) continue;
            is_ours = true;
            if (is_stranger(*router, mac)) on_foreign_claim(*router, i, mac, now);
        }
    }
    return is_ours;
}

bool Reconciler::hear_rival_probe(const IpAddress& address, MacAddress mac, TimePoint now) {
    const bool is_probing = std::ranges::any_of(routers_, [&](const auto& router) {
        return router->election.state() == ElectionState::kProbing &&
               contains(router->addresses, address);
    });
    return is_probing && hear_claim(address, mac, now);
}

bool Reconciler::may_answer(const IpAddress& address, NeighbourCounters& counters, TimePoint now) {
    const auto has = [&](const auto& router) { return contains(router->addresses, address); };
    if (std::ranges::none_of(routers_, has)) {
        drops_.add(Drop::kNotForUs);
        return false;
    }
    ++counters.requests;
    const bool owns = std::ranges::any_of(
        routers_, [&](const auto& router) { return has(router) && router->election.owns(now); });
    if (!owns) {
        drops_.add(Drop::kNotOwner);
        return false;
    }
    ++counters.replies;
    return true;
}

bool Reconciler::is_stranger(const Router& router, MacAddress mac) const noexcept {
    return !neighbours_.knows(mac) && std::ranges::none_of(router.parts, [&](const Part& part) {
        return is_virtual_mac(mac, part.vrid);
    });
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
        router.announcer.start(now, router.settings.refresh);
        if (router.announcer.take_due(now)) send_gratuitous(router);
    }
    if (effects.has(Effect::kProbe)) {
        router.probe.start(now);
        if (router.probe.take_due(now) == ClaimProbe::Due::kProbe) send_probes(router);
    }
    if (router.election.state() != ElectionState::kProbing) router.probe.stop();
    if (const auto transition = router.election.take_transition()) {
        ++router.transitions;
        note_handover(router, *transition, now);
        TransitionReport report{router.settings.vrid, {}, *transition};
        for (const auto& vip : router.settings.vips)
            if (std::ranges::find(report.vips, vip.name) == report.vips.end())
                report.vips.push_back(vip.name);
        output_.transitions.push_back(std::move(report));
    }
}

// Connections that were opened to the predecessor go on there.
void Reconciler::note_handover(Router& router, const Transition& transition, TimePoint now) {
    const ElectionState state = transition.to;
    if (state == ElectionState::kReleasing) return;
    const bool is_succeeded = transition.from == ElectionState::kReleasing &&
                              transition.cause != ElectionEvent::kDisabled;
    if (state == ElectionState::kMaster)
        begin_handover(router, now);
    else if (router.handover && (state == ElectionState::kBackup || is_succeeded))
        router.handover->lost = now;  // clients come here until they hear of the successor
    else
        router.handover.reset();
    list_redirects();
}

void Reconciler::begin_handover(Router& router, TimePoint now) {
    const auto& from = router.election.predecessor();
    if (!from && router.handover) {  // nobody owned meanwhile
        router.handover->lost = kNever;
        return;
    }
    router.handover.reset();
    if (!from) return;
    const auto mac = neighbours_.route_to(from->address, now);
    if (mac && !mac->is_group()) router.handover = {from->address, *mac, now, from->life};
    if (from->life == Predecessor::Life::kSilent) neighbours_.ask(from->address, now);
}

void Reconciler::end_handovers(TimePoint now) {
    bool is_changed = false;
    for (auto& router : routers_) {
        auto& handover = router->handover;
        if (!handover) continue;
        if (handover->life == Predecessor::Life::kSilent &&
            neighbours_.has_spoken(handover->from, handover->begin)) {
            handover->life = Predecessor::Life::kAlive;
            is_changed = true;
        }
        if (now < handover->end() && neighbours_.is_alive(handover->from, now)) continue;
        handover.reset();
        is_changed = true;
    }
    if (is_changed) list_redirects();
}

void Reconciler::list_redirects() {
    redirects_.clear();
    for (const auto& router : routers_) {
        if (!router || !router->handover) continue;
        for (const auto& address : router->addresses)
            redirects_.push_back({address, router->handover->mac, router->handover->life});
    }
}

void Reconciler::send_adverts(Router& router, Priority priority, TimePoint now) {
    for (const Part& part : router.parts) send_part(router, part, priority, now);
}

// Over IPv6 always to the group, whose packets to a node go to that node's Ethernet address alone
// (RFC 6085): its link-local address need not be known.
void Reconciler::send_part(const Router& router, const Part& part, Priority priority,
                           TimePoint now) {
    const VirtualRouter& s = router.settings;
    const bool v6 = part.family == IpFamily::kV6;
    const IpAddress group = vrrp_group(part.family);
    const MacAddress group_mac = v6 ? multicast_mac(group) : kVrrpGroupMac;
    const auto send = [&](const IpAddress& destination, MacAddress mac) {
        output_.frames.push_back(
            Frame{mac, v6 ? EtherType::kIpv6 : EtherType::kIpv4,
                  write_advert({own_source(part.family), destination, part.vrid, priority,
                                s.interval, part.addresses, s.version})});
    };
    const bool is_unicast = s.foreign_adverts == Adverts::kUnicast;
    if (!s.foreign_peers.empty() && !is_unicast) return send(group, group_mac);
    for (const auto& peer : s.foreign_peers) {
        const auto mac = neighbours_.route_to(peer, now);
        if (mac) send(peer, v6 && mac->is_group() ? group_mac : *mac);
    }
    for (const auto& node : s.nodes) {
        const auto mac = neighbours_.route_to(node, now);
        if (!mac) continue;
        send(v6 ? group : node, v6 && mac->is_group() ? group_mac : *mac);
    }
}

void Reconciler::send_gratuitous(Router& router) {
    for (const auto& address : router.addresses) {
        const std::size_t before = output_.frames.size();
        announce(output_.frames, lan_.mac, address);
        (address.is_v4() ? arp_ : ndp_).gratuitous += output_.frames.size() - before;
    }
}

void Reconciler::send_probes(Router& router) {
    for (const auto& address : router.addresses)
        output_.frames.push_back(probe_for(lan_.mac, address));
}

void Reconciler::ask_for_neighbours(TimePoint now) {
    for (const auto& address : neighbours_.take_questions(now)) {
        // A node may have an IPv6 address of its own besides the link's.
        const IpAddress own =
            address.family() == lan_.address.family() ? lan_.address : own_source(address.family());
        if (!own.is_unspecified()) output_.frames.push_back(question_about(lan_.mac, own, address));
    }
}

void Reconciler::on_timer(TimePoint now) {
    if (lan_.link == LanState::Link::kUp) {
        for (auto& router : routers_) run_timers(*router, now);
        ask_for_neighbours(now);
        end_handovers(now);
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
        if (router->handover) next = std::min(next, router->handover->end());
        for (const auto& guard : router->guards) next = std::min(next, guard.next_deadline());
    }
    return next;
}

void Reconciler::erase_retired() noexcept {
    std::erase_if(routers_, [](const auto& r) {
        return r->life == Life::kRetiring && r->election.state() == ElectionState::kInit &&
               !r->handover;
    });
}

bool Reconciler::is_idle() const noexcept { return routers_.empty(); }

Output Reconciler::take_output() noexcept { return std::exchange(output_, {}); }

}  // namespace hearth::lb
