#include "lb/io/lan_driver.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "lb/core/vip_frames.h"
#include "lb/io/clock.h"
#include "lb/io/ipv6_forwarding.h"
#include "lb/io/route_netlink.h"
#include "lb/model/address_list.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

// Whoever takes a VIP over, or is just starting, has more urgent things to do first.
constexpr Duration kRememberAfter = 50ms;
constexpr int kLoopback = RouteNetlink::kLoopback;

bool takes_over(const Output& output) {
    return std::ranges::any_of(output.transitions, [](const TransitionReport& report) {
        return report.transition.to == ElectionState::kMaster;
    });
}

}  // namespace

std::string track_name(const std::string& interface) { return "interface " + interface; }

struct LanDriver::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, runtime::Problems& p, Handlers h)
        : loop(l),
          problems(p),
          handlers(std::move(h)),
          timer(loop.context()),
          memory_timer(loop.context()),
          connections(loop, problems, {[this] { return places(); }, [this] { settle(); }}) {}

    void apply(const LanSettings& next);
    void configure_links();
    LanLink& link_at(const IpAddress& address);
    [[nodiscard]] std::vector<const VirtualRouter*> routers() const;
    [[nodiscard]] std::vector<IpAddress> vips() const;
    [[nodiscard]] std::vector<VipPlace> places() const;
    void settle();
    void arm();
    void send(std::vector<Output>& outputs);
    void ask_neighbours_anew(const LanLink& link);
    void deliver(const Output& output);
    void remember_connections(Duration after);
    void look_at_host();
    void follow_tracked(const std::vector<Interface>& interfaces);
    void set_track(const std::string& subject, Health health);
    void show_tracked();
    void show_troubles();
    void quieten(const std::vector<Interface>& interfaces,
                 const std::vector<InterfaceAddress>& addresses);
    void forward(const Interface& interface);
    void check_interfaces_free_of_vips(const std::vector<InterfaceAddress>& addresses);
    [[nodiscard]] std::vector<LedBack> wanted_redirects() const;
    void renew_loans();
    void hold_vips();
    void schedule_departures();
    void remove_stale_vips();
    void remove_strays(const std::vector<InterfaceAddress>& addresses);
    void drop_left_vips();
    void drop_retired_links();
    [[nodiscard]] bool is_idle() const;
    void close();
    void report(std::string_view problem, const Result<void>& done);

    runtime::EventLoop& loop;
    runtime::Problems& problems;
    Handlers handlers;
    boost::asio::steady_timer timer;
    LanSettings settings;
    std::vector<std::unique_ptr<LanLink>> links;
    std::map<Daemon, Health> health;  // for links that come later
    Duty duty = Duty::kServing;
    std::optional<RouteNetlink> route;
    std::unique_ptr<RouteMonitor> monitor;
    std::set<std::string> missing_interfaces;  // of those that are tracked
    std::set<std::string> failed_checks;
    boost::asio::steady_timer memory_timer;
    OpenConnections connections;
    std::vector<IpAddress> held;             // VIPs that are on the host
    std::map<IpAddress, TimePoint> leaving;  // of those: the ones to take off, and when
    std::function<void()> on_stopped;
    bool closed = false;
};

void LanDriver::Impl::report(std::string_view problem, const Result<void>& done) {
    if (done)
        problems.clear(problem);
    else
        problems.raise(problem, done.error().to_string(), runtime::Severity::kError);
}

std::vector<const VirtualRouter*> LanDriver::Impl::routers() const {
    std::vector<const VirtualRouter*> all;
    for (const LinkSettings& link : settings.links)
        for (const VirtualRouter& router : link.routers) all.push_back(&router);
    return all;
}

std::vector<IpAddress> LanDriver::Impl::vips() const {
    std::vector<IpAddress> all;
    for (const auto& link : links) {
        const auto some = link->reconciler().addresses();
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

std::vector<VipPlace> LanDriver::Impl::places() const {
    std::vector<VipPlace> all;
    for (const auto& link : links) {
        const auto some = link->reconciler().places(now());
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

void LanDriver::Impl::apply(const LanSettings& next) {
    settings = next;
    if (!routers().empty() && !route) {
        auto opened = RouteNetlink::open();
        if (!opened)
            return problems.raise("vip_no_netlink", opened.error().to_string(),
                                  runtime::Severity::kError);
        route.emplace(std::move(*opened));
        remove_stale_vips();
        connections.open();
        auto watching = RouteMonitor::open(loop, [this] {
            look_at_host();
            settle();
        });
        report("vip_no_netlink", watching ? Result<void>{} : Result<void>(fail(watching.error())));
        if (watching) monitor = std::move(*watching);
    }
    configure_links();
    connections.set_backends(settings.backends);
    remember_connections(kRememberAfter);
    hold_vips();
    look_at_host();
    for (auto& link : links) link->listen_for_neighbours();
    show_troubles();
    settle();
}

LanLink& LanDriver::Impl::link_at(const IpAddress& address) {
    const auto known = std::ranges::find_if(
        links, [&](const auto& link) { return link->settings().address == address; });
    if (known != links.end()) return **known;
    LanLink& fresh =
        *links.emplace_back(std::make_unique<LanLink>(loop, address, [this] { settle(); }));
    for (const auto& [daemon, state] : health) fresh.reconciler().set_health(daemon, state, now());
    for (const auto& subject : failed_checks)
        fresh.reconciler().set_track(subject, Health::kBad, now());
    fresh.reconciler().set_duty(duty, now());
    return fresh;
}

// A VIP that is on another network now is handed over on the one before it is claimed there.
void LanDriver::Impl::configure_links() {
    for (auto& link : links) {
        const bool stays = std::ranges::any_of(settings.links, [&](const LinkSettings& one) {
            return one.address == link->settings().address && !one.routers.empty();
        });
        if (!stays) link->retire();
    }
    for (const LinkSettings& one : settings.links)
        if (!one.routers.empty()) link_at(one.address).apply(one);
}

// What a crashed instance left on the host and nobody wants now.
void LanDriver::Impl::remove_stale_vips() {
    auto found = route->held_vips();
    if (!found) return;
    held = std::move(*found);
    for (const auto& address : held) leaving[address] = now();
}

// On interfaces that answer for them although this node does not own them; and what somebody took
// away there is put back.
void LanDriver::Impl::remove_strays(const std::vector<InterfaceAddress>& addresses) {
    for (const auto& one : addresses) {
        if (one.interface == kLoopback || one.owner != InterfaceAddress::Owner::kHearth) continue;
        const auto lends = [&](const auto& link) { return link->lends(one); };
        if (std::ranges::none_of(links, lends))
            static_cast<void>(route->drop_vip(one.address, one.interface));
    }
    for (auto& link : links) link->note_loans(addresses);
}

void LanDriver::Impl::renew_loans() {
    if (!route) return;
    bool is_changed = false;
    for (auto& link : links)
        if (link->renew_loans(*route) == LanLink::Loans::kRenewed) is_changed = true;
    if (is_changed) show_troubles();
}

// Carries out what the reconcilers asked for, then waits for their next deadline.
void LanDriver::Impl::settle() {
    renew_loans();
    std::vector<Output> outputs;
    for (auto& link : links) outputs.push_back(link->reconciler().take_output());
    send(outputs);
    for (const Output& output : outputs) deliver(output);
    connections.lead(wanted_redirects());
    schedule_departures();
    drop_left_vips();
    drop_retired_links();
    if (on_stopped && is_idle() && held.empty()) {
        close();
        connections.withdraw();
        std::exchange(on_stopped, nullptr)();
        return;
    }
    arm();
}

// Connections that go on elsewhere are led there before clients hear that the VIPs are here; what
// ends harms nobody meanwhile. The other nodes hear it before that only when it is urgent: their
// timers are running, too.
void LanDriver::Impl::send(std::vector<Output>& outputs) {
    for (std::size_t i = 0; i < links.size(); ++i)
        if (takes_over(outputs[i])) ask_neighbours_anew(*links[i]);
    const auto wanted = wanted_redirects();
    const bool is_new = connections.lacks(wanted);
    if (is_new && !connections.is_urgent(wanted)) connections.lead(wanted);
    std::vector<std::span<const Frame>> others;
    for (std::size_t i = 0; i < links.size(); ++i) {
        auto& frames = outputs[i].frames;
        const auto rest = std::stable_partition(frames.begin(), frames.end(), is_advert);
        links[i]->send({frames.begin(), rest});
        others.emplace_back(rest, frames.end());
    }
    if (is_new) connections.lead(wanted);
    for (std::size_t i = 0; i < links.size(); ++i) links[i]->send(others[i]);
}

// Clients that did not answer while this node or they were cut off, say, are about to ask.
void LanDriver::Impl::ask_neighbours_anew(const LanLink& link) {
    if (!route || link.interface_index() == 0) return;
    if (const auto done = route->ask_neighbours_anew(link.interface_index()); !done)
        log::warn("vip_neighbours", {{"error", done.error().to_string()}});
}

bool LanDriver::Impl::is_idle() const {
    return std::ranges::all_of(links, [](const auto& link) { return link->is_idle(); });
}

// Not at once: a packet of theirs may be what brought us here.
void LanDriver::Impl::drop_retired_links() {
    const auto is_done = [](const auto& link) { return link->is_retired() && link->is_idle(); };
    if (std::ranges::none_of(links, is_done)) return;
    loop.post([self = shared_from_this(), is_done] {
        std::erase_if(self->links, is_done);
        if (!self->closed) self->show_troubles();
    });
}

void LanDriver::Impl::close() {
    for (auto& link : links) link->close();
    monitor.reset();
    memory_timer.cancel();
    connections.close();
}

void LanDriver::Impl::arm() {
    TimePoint next = kNever;
    for (const auto& link : links) next = std::min(next, link->next_deadline());
    for (const auto& [address, when] : leaving) next = std::min(next, when);
    if (next == kNever) {
        timer.cancel();
        return;
    }
    timer.expires_at(next);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (error || self->closed) return;
        for (auto& link : self->links) link->reconciler().on_timer(now());
        self->settle();
    });
}

void LanDriver::Impl::deliver(const Output& output) {
    for (const auto& report : output.transitions) {
        const bool was_owner = report.transition.from == ElectionState::kMaster;
        if (was_owner || report.transition.to == ElectionState::kMaster) connections.moved();
        if (was_owner) remember_connections(kRememberAfter);
        handlers.on_transition(report);
    }
    for (const auto& report : output.conflicts) handlers.on_conflict(report);
}

// And once more when late clients have ceased to open some here.
void LanDriver::Impl::remember_connections(Duration after) {
    memory_timer.expires_after(after);
    memory_timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (error || self->closed) return;
        self->connections.remember();
        const bool is_over = std::ranges::none_of(self->places(), [](const VipPlace& vip) {
            return vip.place == VipPlace::Place::kJustLeft;
        });
        if (!is_over) self->remember_connections(Reconciler::kServeAfterMove);
    });
}

// --- the host's interfaces --------------------------------------------------------------------

void LanDriver::Impl::look_at_host() {
    if (!route || closed) return;
    const auto interfaces = route->interfaces();
    const auto addresses = route->addresses();
    if (!interfaces || !addresses) {
        const Error& error = interfaces ? addresses.error() : interfaces.error();
        return problems.raise("vip_no_netlink", error.to_string(), runtime::Severity::kError);
    }
    problems.clear("vip_no_netlink");
    remove_strays(*addresses);
    // Somebody may have flushed the loopback interface.
    std::erase_if(held, [&](const IpAddress& vip) {
        return std::none_of(addresses->begin(), addresses->end(), [&](const auto& a) {
            return a.interface == kLoopback && a.address == vip;
        });
    });
    hold_vips();
    follow_tracked(*interfaces);
    for (auto& link : links) link->follow(*interfaces, *addresses);
    show_troubles();
    quieten(*interfaces, *addresses);
    check_interfaces_free_of_vips(*addresses);
}

// Of all links, as one problem each.
void LanDriver::Impl::show_troubles() {
    for (const std::string_view name : LanLink::kTroubles) {
        std::string detail;
        for (const auto& link : links) {
            const auto found = link->troubles().find(name);
            if (found != link->troubles().end())
                detail += (detail.empty() ? "" : "; ") + found->second;
        }
        if (detail.empty())
            problems.clear(name);
        else
            problems.raise(name, std::move(detail), runtime::Severity::kError);
    }
}

void LanDriver::Impl::set_track(const std::string& subject, Health is) {
    for (auto& link : links) link->reconciler().set_track(subject, is, now());
}

void LanDriver::Impl::follow_tracked(const std::vector<Interface>& interfaces) {
    missing_interfaces.clear();
    for (const VirtualRouter* router : routers()) {
        for (const auto& track : router->tracks) {
            if (!track.subject.starts_with(track_name(""))) continue;
            const bool is_good = std::ranges::any_of(interfaces, [&](const Interface& interface) {
                return track_name(interface.name) == track.subject &&
                       interface.carrier == Interface::Carrier::kPresent;
            });
            set_track(track.subject, is_good ? Health::kGood : Health::kBad);
            if (!is_good) missing_interfaces.insert(track.subject);
        }
    }
    show_tracked();
}

void LanDriver::Impl::show_tracked() {
    std::string bad;
    for (const VirtualRouter* router : routers()) {
        for (const auto& track : router->tracks) {
            const bool is_missing = missing_interfaces.contains(track.subject);
            if (!is_missing && !failed_checks.contains(track.subject)) continue;
            bad.append(bad.empty() ? "" : "; ").append(router->vips.front().name);
            bad.append(" loses " + std::to_string(track.lower_by) + " of its priority here: ");
            bad.append(track.subject + (is_missing ? " is not there or has no carrier" : " fails"));
        }
    }
    if (bad.empty()) return problems.clear("vip_track");
    problems.raise("vip_track", bad);
}

// On every interface whose subnet holds a VIP: a second NIC in the LAN must not answer either.
void LanDriver::Impl::quieten(const std::vector<Interface>& interfaces,
                              const std::vector<InterfaceAddress>& addresses) {
    const auto all = vips();
    const auto concerned = [&](const Interface& interface) {
        return std::any_of(addresses.begin(), addresses.end(), [&](const InterfaceAddress& a) {
            if (a.interface != interface.index) return false;
            const IpPrefix subnet(a.address, a.prefix_length);
            return std::ranges::any_of(all,
                                       [&](const IpAddress& vip) { return subnet.contains(vip); });
        });
    };
    for (const auto& interface : interfaces) {
        const bool is_ours = std::ranges::any_of(
            links, [&](const auto& link) { return link->interface_index() == interface.index; });
        const bool wanted =
            is_ours || (interface.arp == Interface::Arp::kAble && concerned(interface));
        if (wanted && interface.vips != Interface::Vips::kQuiet && !all.empty())
            report("vip_arp_settings", route->keep_vips_quiet(interface.index));
        if (is_ours) forward(interface);
    }
}

void LanDriver::Impl::forward(const Interface& interface) {
    constexpr auto kNeeded = LanSettings::Forwarding::kNeeded;
    if (settings.forwarding == kNeeded && interface.transit != Interface::Transit::kForwarded)
        report("service_forwarding", route->forward_ipv4(interface.index));
    if (settings.forwarding6 == kNeeded)
        report("service_forwarding6", forward_ipv6(interface.name));
}

void LanDriver::Impl::check_interfaces_free_of_vips(
    const std::vector<InterfaceAddress>& addresses) {
    const auto all = vips();
    const auto bad = std::find_if(addresses.begin(), addresses.end(), [&](const auto& a) {
        return a.interface != kLoopback && contains(all, a.address) &&
               a.owner == InterfaceAddress::Owner::kOthers;
    });
    if (bad == addresses.end()) return problems.clear("vip_on_interface");
    problems.raise("vip_on_interface",
                   bad->address.to_string() +
                       " is an address of an interface here: remove it there, or this host answers "
                       "for it although another node owns it");
}

// --- connections of the node that owned a VIP before ------------------------------------------

std::vector<LedBack> LanDriver::Impl::wanted_redirects() const {
    std::vector<LedBack> all;
    for (const auto& link : links) {
        const Reconciler& reconciler = link->reconciler();
        const int index = link->interface_index();
        const auto& some = reconciler.redirects();
        if (index == 0 || some.empty()) continue;
        const auto same = std::ranges::find(all, index, &LedBack::index);
        if (same == all.end())
            all.push_back({link->interface_name(), index, reconciler.lan().mac, some});
        else
            same->redirects.insert(same->redirects.end(), some.begin(), some.end());
    }
    return all;
}

// --- VIPs on the loopback interface -----------------------------------------------------------

void LanDriver::Impl::hold_vips() {
    if (!route) return;
    Result<void> outcome;
    for (const auto& address : vips()) {
        leaving.erase(address);
        if (contains(held, address)) continue;
        if (auto done = route->hold_vip(address); done)
            held.push_back(address);
        else
            outcome = done;
    }
    report("vip_address", outcome);
}

void LanDriver::Impl::schedule_departures() {
    const auto wanted = vips();
    for (const auto& address : held) {
        if (!contains(wanted, address))
            leaving.try_emplace(address, now() + Reconciler::kServeAfterMove);
    }
}

void LanDriver::Impl::drop_left_vips() {
    for (auto it = leaving.begin(); it != leaving.end();) {
        if (it->second > now()) {
            ++it;
            continue;
        }
        if (const auto done = route->drop_vip(it->first); !done)
            log::warn("vip_address_stays",
                      {{"address", it->first.to_string()}, {"error", done.error().detail}});
        std::erase(held, it->first);
        it = leaving.erase(it);
    }
}

// --- the class --------------------------------------------------------------------------------

LanDriver::LanDriver(runtime::EventLoop& loop, runtime::Problems& problems, Handlers handlers)
    : impl_(std::make_shared<Impl>(loop, problems, std::move(handlers))) {}

LanDriver::~LanDriver() {
    impl_->closed = true;
    impl_->timer.cancel();
    impl_->memory_timer.cancel();
    impl_->close();
    impl_->links.clear();
}

void LanDriver::apply(const LanSettings& settings) { impl_->apply(settings); }

void LanDriver::set_health(Daemon daemon, Health health) {
    impl_->health[daemon] = health;
    for (auto& link : impl_->links) link->reconciler().set_health(daemon, health, now());
    impl_->settle();
}

void LanDriver::set_track(const std::string& subject, Health health) {
    if (health == Health::kBad)
        impl_->failed_checks.insert(subject);
    else
        impl_->failed_checks.erase(subject);
    impl_->set_track(subject, health);
    impl_->show_tracked();
    impl_->settle();
}

void LanDriver::set_duty(Duty duty) {
    impl_->duty = duty;
    for (auto& link : impl_->links) link->reconciler().set_duty(duty, now());
    impl_->settle();
}

Reconciler::Taken LanDriver::take(std::string_view vip) {
    auto taken = Reconciler::Taken::kNoCandidate;
    for (auto& link : impl_->links) {
        taken = link->reconciler().take(vip, now());
        if (taken != Reconciler::Taken::kNoCandidate) break;
    }
    impl_->settle();
    return taken;
}

void LanDriver::on_node_vanished(IpAddress node) {
    for (auto& link : impl_->links) {
        const auto here = link->settings().others.find(node);
        if (here != link->settings().others.end())
            link->reconciler().on_node_vanished(here->second, now());
    }
    impl_->settle();
}

void LanDriver::stop(std::function<void()> done) {
    impl_->on_stopped = std::move(done);
    for (auto& link : impl_->links) link->reconciler().stop(now());
    impl_->settle();
}

LanView LanDriver::view() const {
    LanView view;
    view.addresses = impl_->vips();
    view.connections_asked = impl_->connections.asked();
    for (const auto& link : impl_->links) {
        const Reconciler& reconciler = link->reconciler();
        view.links.push_back({link->interface_name(), &link->settings(), reconciler.view(now()),
                              reconciler.refused()});
        view.arp += reconciler.arp_counters();
        view.ndp += reconciler.ndp_counters();
        view.drops += reconciler.drops();
        view.send_failures += link->send_failures();
    }
    return view;
}

}  // namespace hearth::lb
