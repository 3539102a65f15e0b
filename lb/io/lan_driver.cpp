#include "lb/io/lan_driver.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "lb/io/flow_redirect.h"
#include "lb/io/ipv6_forwarding.h"
#include "lb/io/nft_monitor.h"
#include "lb/io/packet_port.h"
#include "lb/io/route_netlink.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

// A client that heard the last announcement late (Linux's lock time, announcements at 0, 1.1 and
// 2.2 s) still sends here: the VIP stays on this host so long after it was handed over.
constexpr Duration kServeAfterMove = 2500ms;
// Several times while a loan lasts.
constexpr Duration kRenewLoans = RouteNetlink::kLoan / 3;
constexpr int kLoopback = RouteNetlink::kLoopback;

TimePoint now() { return std::chrono::steady_clock::now(); }

bool contains(const std::vector<IpAddress>& list, const IpAddress& address) {
    return std::find(list.begin(), list.end(), address) != list.end();
}

}  // namespace

std::string track_name(const std::string& interface) { return "interface " + interface; }

struct LanDriver::Impl : std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, runtime::Problems& p, Handlers h)
        : loop(l), problems(p), handlers(std::move(h)), timer(loop.context()) {}

    void apply(const LanSettings& next);
    void settle();
    void arm();
    void deliver(const Output& output);
    void look_at_host();
    void follow_interface(const std::vector<Interface>& links,
                          const std::vector<InterfaceAddress>& addresses);
    void follow_tracked(const std::vector<Interface>& links);
    void show_tracked();
    void check_link_local(const Interface& link, const LanState& state);
    void open_port(const Interface& link);
    void close_port();
    void quieten(const std::vector<Interface>& links,
                 const std::vector<InterfaceAddress>& addresses);
    void check_interfaces_free_of_vips(const std::vector<InterfaceAddress>& addresses);
    [[nodiscard]] bool leads_elsewhere() const;
    void redirect_flows();
    void show_on_interface();
    void hold_vips();
    void schedule_departures();
    void remove_stale_vips();
    void remove_strays(const std::vector<InterfaceAddress>& addresses);
    Result<void> open_redirects();
    void restore_redirects();
    void drop_left_vips();
    void listen_for_neighbours();
    void report(std::string_view problem, const Result<void>& done);
    [[nodiscard]] const Interface* find_interface(
        const std::vector<Interface>& links, const std::vector<InterfaceAddress>& addresses) const;

    runtime::EventLoop& loop;
    runtime::Problems& problems;
    Handlers handlers;
    boost::asio::steady_timer timer;
    LanSettings settings;
    Reconciler reconciler;
    std::optional<RouteNetlink> route;
    std::unique_ptr<RouteMonitor> monitor;
    std::unique_ptr<PacketPort> port;
    int port_interface = 0;
    std::string port_name;
    std::set<std::string> missing_interfaces;  // of those that are tracked
    std::set<std::string> failed_checks;
    std::optional<FlowRedirect> flows;
    std::unique_ptr<NftMonitor> redirect_monitor;
    std::vector<Redirect> redirected;
    std::vector<IpAddress> shown;            // VIPs that are on the LAN's interface, too, on loan
    TimePoint renewal{};                     // of these loans
    std::vector<IpAddress> held;             // VIPs that are on the host
    std::map<IpAddress, TimePoint> leaving;  // of those: the ones to take off, and when
    std::vector<IpAddress> heard_about;      // what the filters let through
    std::function<void()> on_stopped;
    bool closed = false;
};

void LanDriver::Impl::report(std::string_view problem, const Result<void>& done) {
    if (done)
        problems.clear(problem);
    else
        problems.raise(problem, done.error().to_string(), runtime::Severity::kError);
}

void LanDriver::Impl::apply(const LanSettings& next) {
    settings = next;
    if (!settings.routers.empty() && !route) {
        auto opened = RouteNetlink::open();
        if (!opened)
            return problems.raise("vip_no_netlink", opened.error().to_string(),
                                  runtime::Severity::kError);
        route.emplace(std::move(*opened));
        remove_stale_vips();
        report("vip_open_connections", open_redirects());
        auto watching = RouteMonitor::open(loop, [this] {
            look_at_host();
            settle();
        });
        report("vip_no_netlink", watching ? Result<void>{} : Result<void>(fail(watching.error())));
        if (watching) monitor = std::move(*watching);
    }
    reconciler.configure(settings.routers, now());
    hold_vips();
    look_at_host();
    listen_for_neighbours();
    settle();
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
    std::vector<IpAddress> found;
    for (const auto& one : addresses) {
        if (one.interface == kLoopback || one.owner != InterfaceAddress::Owner::kHearth) continue;
        if (one.interface == port_interface && contains(shown, one.address))
            found.push_back(one.address);
        else
            static_cast<void>(route->drop_vip(one.address, one.interface));
    }
    std::erase_if(shown, [&](const IpAddress& address) { return !contains(found, address); });
}

Result<void> LanDriver::Impl::open_redirects() {
    if (flows) return {};
    auto opened = FlowRedirect::open();
    if (!opened) return fail(opened.error());
    flows.emplace(std::move(*opened));
    auto watching = NftMonitor::open(loop, {NftFamily::kNetdev}, {flows->netlink_port()},
                                     [this] { restore_redirects(); });
    if (watching) redirect_monitor = std::move(*watching);
    return {};
}

// Somebody flushed the rules.
void LanDriver::Impl::restore_redirects() {
    report("vip_open_connections", flows->restore());
    redirected.clear();
    settle();
}

// Carries out what the reconciler asked for, then waits for its next deadline.
void LanDriver::Impl::settle() {
    show_on_interface();
    if (leads_elsewhere()) redirect_flows();  // before anybody hears that the VIPs are here
    deliver(reconciler.take_output());
    redirect_flows();  // what ends harms nobody meanwhile
    schedule_departures();
    drop_left_vips();
    if (on_stopped && reconciler.is_idle() && held.empty()) {
        close_port();
        monitor.reset();
        redirect_monitor.reset();
        if (flows) report("vip_open_connections", flows->withdraw());
        std::exchange(on_stopped, nullptr)();
        return;
    }
    arm();
}

void LanDriver::Impl::arm() {
    TimePoint next = reconciler.next_deadline();
    for (const auto& [address, when] : leaving) next = std::min(next, when);
    if (!shown.empty()) next = std::min(next, renewal);
    if (next == kNever) {
        timer.cancel();
        return;
    }
    timer.expires_at(next);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (error || self->closed) return;
        self->reconciler.on_timer(now());
        self->settle();
    });
}

void LanDriver::Impl::deliver(const Output& output) {
    if (port) {
        for (const auto& frame : output.frames) port->send(frame);
    }
    for (const auto& report : output.transitions) handlers.on_transition(report);
    for (const auto& report : output.conflicts) handlers.on_conflict(report);
}

// --- the host's interfaces --------------------------------------------------------------------

const Interface* LanDriver::Impl::find_interface(
    const std::vector<Interface>& links, const std::vector<InterfaceAddress>& addresses) const {
    for (const auto& link : links) {
        const bool carries = std::any_of(addresses.begin(), addresses.end(), [&](const auto& a) {
            return a.interface == link.index && a.address == settings.address;
        });
        if (carries && (settings.interface.empty() || settings.interface == link.name))
            return &link;
    }
    return nullptr;
}

void LanDriver::Impl::look_at_host() {
    if (!route || closed) return;
    const auto links = route->interfaces();
    const auto addresses = route->addresses();
    if (!links || !addresses) {
        const Error& error = links ? addresses.error() : links.error();
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
    follow_tracked(*links);
    follow_interface(*links, *addresses);
    quieten(*links, *addresses);
    check_interfaces_free_of_vips(*addresses);
}

void LanDriver::Impl::follow_interface(const std::vector<Interface>& links,
                                       const std::vector<InterfaceAddress>& addresses) {
    const Interface* link = find_interface(links, addresses);
    if (link == nullptr) {
        const std::string where = settings.interface.empty() ? "no interface" : settings.interface;
        problems.raise("lan_missing",
                       where + " does not carry " + settings.address.to_string() +
                           ", this node's address: its VIPs are left to the other nodes",
                       runtime::Severity::kError);
        reconciler.set_lan({}, now());
        return close_port();
    }
    if (link->arp == Interface::Arp::kUnable) {
        problems.raise("lan_missing",
                       link->name + " cannot speak ARP: name the bridge or bond above it",
                       runtime::Severity::kError);
        reconciler.set_lan({}, now());
        return close_port();
    }
    problems.clear("lan_missing");
    if (port_interface != link->index || !port) open_port(*link);
    port_name = link->name;
    const bool up = link->carrier == Interface::Carrier::kPresent && port != nullptr;
    if (up)
        problems.clear("lan_no_carrier");
    else if (port)
        problems.raise("lan_no_carrier", link->name + " has no carrier: check the cable",
                       runtime::Severity::kError);
    LanState state{settings.address, link->mac, up ? LanState::Link::kUp : LanState::Link::kDown};
    const auto own = std::ranges::find_if(addresses, [&](const InterfaceAddress& a) {
        return a.interface == link->index && a.address.is_v6() && a.address.is_link_local();
    });
    if (own != addresses.end()) state.link_local = own->address;
    reconciler.set_lan(state, now());
    check_link_local(*link, state);
}

void LanDriver::Impl::follow_tracked(const std::vector<Interface>& links) {
    missing_interfaces.clear();
    for (const auto& router : settings.routers) {
        for (const auto& track : router.tracks) {
            if (!track.subject.starts_with(track_name(""))) continue;
            const bool is_good = std::ranges::any_of(links, [&](const Interface& link) {
                return track_name(link.name) == track.subject &&
                       link.carrier == Interface::Carrier::kPresent;
            });
            reconciler.set_track(track.subject, is_good ? Health::kGood : Health::kBad, now());
            if (!is_good) missing_interfaces.insert(track.subject);
        }
    }
    show_tracked();
}

void LanDriver::Impl::show_tracked() {
    std::string bad;
    for (const auto& router : settings.routers) {
        for (const auto& track : router.tracks) {
            const bool is_missing = missing_interfaces.contains(track.subject);
            if (!is_missing && !failed_checks.contains(track.subject)) continue;
            bad.append(bad.empty() ? "" : "; ").append(router.vips.front().name);
            bad.append(" loses " + std::to_string(track.lower_by) + " of its priority here: ");
            bad.append(track.subject + (is_missing ? " is not there or has no carrier" : " fails"));
        }
    }
    if (bad.empty()) return problems.clear("vip_track");
    problems.raise("vip_track", bad);
}

// VIPs for IPv6 need it (RFC 9568 §5.1.2.1); it is not there where IPv6 is switched off.
void LanDriver::Impl::check_link_local(const Interface& link, const LanState& state) {
    const auto vips = reconciler.addresses();
    const bool needed = std::ranges::any_of(vips, [](const auto& vip) { return vip.is_v6(); });
    if (!needed || state.link_local || state.link != LanState::Link::kUp)
        return problems.clear("lan_no_ipv6");
    problems.raise("lan_no_ipv6",
                   link.name + " has no link-local IPv6 address (is net.ipv6.conf." + link.name +
                       ".disable_ipv6 set?): its IPv6 VIPs are left to the other nodes",
                   runtime::Severity::kError);
}

void LanDriver::Impl::open_port(const Interface& link) {
    close_port();
    auto opened = PacketPort::open(loop, link.index,
                                   {[this](ByteView payload, Delivery delivery) {
                                        reconciler.on_arp(payload, delivery, now());
                                        settle();
                                    },
                                    [this](ByteView packet, MacAddress from, Delivery delivery) {
                                        reconciler.on_ndp(packet, from, delivery, now());
                                        settle();
                                    },
                                    [this](ByteView packet, MacAddress from) {
                                        reconciler.on_vrrp(packet, from, now());
                                        settle();
                                    }});
    report("vip_no_socket", opened ? Result<void>{} : Result<void>(fail(opened.error())));
    if (!opened) return;
    port = std::move(*opened);
    port_interface = link.index;
    heard_about.clear();
    listen_for_neighbours();
}

void LanDriver::Impl::close_port() {
    port.reset();
    port_interface = 0;
}

// On every interface whose subnet holds a VIP: a second NIC in the LAN must not answer either.
void LanDriver::Impl::quieten(const std::vector<Interface>& links,
                              const std::vector<InterfaceAddress>& addresses) {
    const auto vips = reconciler.addresses();
    const auto concerned = [&](const Interface& link) {
        return std::any_of(addresses.begin(), addresses.end(), [&](const InterfaceAddress& a) {
            if (a.interface != link.index) return false;
            const IpPrefix subnet(a.address, a.prefix_length);
            return std::any_of(vips.begin(), vips.end(),
                               [&](const IpAddress& vip) { return subnet.contains(vip); });
        });
    };
    for (const auto& link : links) {
        const bool wanted =
            link.index == port_interface || (link.arp == Interface::Arp::kAble && concerned(link));
        if (wanted && link.vips != Interface::Vips::kQuiet && !vips.empty())
            report("vip_arp_settings", route->keep_vips_quiet(link.index));
        const bool passes = settings.forwarding == LanSettings::Forwarding::kAsItIs ||
                            link.transit == Interface::Transit::kForwarded;
        if (link.index == port_interface && !passes)
            report("service_forwarding", route->forward_ipv4(link.index));
        if (link.index == port_interface &&
            settings.forwarding6 == LanSettings::Forwarding::kNeeded)
            report("service_forwarding6", forward_ipv6(link.name));
    }
}

void LanDriver::Impl::check_interfaces_free_of_vips(
    const std::vector<InterfaceAddress>& addresses) {
    const auto vips = reconciler.addresses();
    const auto bad = std::find_if(addresses.begin(), addresses.end(), [&](const auto& a) {
        return a.interface != kLoopback && contains(vips, a.address) &&
               a.owner == InterfaceAddress::Owner::kOthers;
    });
    if (bad == addresses.end()) return problems.clear("vip_on_interface");
    problems.raise("vip_on_interface",
                   bad->address.to_string() +
                       " is an address of an interface here: remove it there, or this host answers "
                       "for it although another node owns it");
}

void LanDriver::Impl::listen_for_neighbours() {
    std::vector<IpAddress> about = reconciler.addresses();
    for (const auto& router : settings.routers) {
        about.insert(about.end(), router.nodes.begin(), router.nodes.end());
        about.insert(about.end(), router.foreign_peers.begin(), router.foreign_peers.end());
    }
    std::sort(about.begin(), about.end());
    about.erase(std::unique(about.begin(), about.end()), about.end());
    if (!port || about == heard_about) return;
    report("vip_no_socket", port->hear_about(about, reconciler.addresses()));
    heard_about = std::move(about);
}

// --- connections of the node that owned a VIP before ------------------------------------------

// Connections to a VIP that were not led to another node before.
bool LanDriver::Impl::leads_elsewhere() const {
    return std::ranges::any_of(reconciler.redirects(), [&](const Redirect& one) {
        return std::ranges::find(redirected, one) == redirected.end();
    });
}

void LanDriver::Impl::redirect_flows() {
    const auto& wanted = reconciler.redirects();
    if (wanted == redirected) return;
    redirected = wanted;
    Result<void> done = open_redirects();
    if (done)
        done = redirected.empty() ? flows->end()
                                  : flows->apply(port_name, port_interface, reconciler.lan().mac,
                                                 redirected, settings.backends);
    report("vip_open_connections", done);
}

// --- VIPs on the LAN's interface (announce: address) ------------------------------------------

void LanDriver::Impl::show_on_interface() {
    const auto wanted = port ? reconciler.interface_addresses(now()) : std::vector<IpAddress>{};
    const bool is_due = !shown.empty() && now() >= renewal;
    if ((wanted == shown && !is_due) || !route) return;
    Result<void> outcome;
    for (const auto& address : shown) {
        if (contains(wanted, address)) continue;
        if (auto done = route->drop_vip(address, port_interface); !done) outcome = done;
    }
    for (const auto& address : wanted) {
        if (contains(shown, address) && !is_due) continue;
        if (auto done = route->lend_vip(address, port_interface); !done) outcome = done;
    }
    if (is_due || shown.empty()) renewal = now() + kRenewLoans;
    shown = wanted;
    report("vip_address", outcome);
}

// --- VIPs on the loopback interface -----------------------------------------------------------

void LanDriver::Impl::hold_vips() {
    if (!route) return;
    Result<void> outcome;
    for (const auto& address : reconciler.addresses()) {
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
    const auto wanted = reconciler.addresses();
    for (const auto& address : held) {
        if (!contains(wanted, address)) leaving.try_emplace(address, now() + kServeAfterMove);
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
    impl_->close_port();
    impl_->monitor.reset();
    impl_->redirect_monitor.reset();
}

void LanDriver::apply(const LanSettings& settings) { impl_->apply(settings); }

void LanDriver::set_health(Daemon daemon, Health health) {
    impl_->reconciler.set_health(daemon, health, now());
    impl_->settle();
}

void LanDriver::set_track(const std::string& subject, Health health) {
    if (health == Health::kBad)
        impl_->failed_checks.insert(subject);
    else
        impl_->failed_checks.erase(subject);
    impl_->reconciler.set_track(subject, health, now());
    impl_->show_tracked();
    impl_->settle();
}

void LanDriver::set_duty(Duty duty) {
    impl_->reconciler.set_duty(duty, now());
    impl_->settle();
}

Reconciler::Taken LanDriver::take(std::string_view vip) {
    const auto taken = impl_->reconciler.take(vip, now());
    impl_->settle();
    return taken;
}

void LanDriver::on_node_vanished(IpAddress node) {
    impl_->reconciler.on_node_vanished(node, now());
    impl_->settle();
}

void LanDriver::stop(std::function<void()> done) {
    impl_->on_stopped = std::move(done);
    impl_->reconciler.stop(now());
    impl_->settle();
}

const Reconciler& LanDriver::reconciler() const noexcept { return impl_->reconciler; }

std::string LanDriver::interface_name() const { return impl_->port ? impl_->port_name : ""; }

std::uint64_t LanDriver::send_failures() const noexcept {
    return impl_->port ? impl_->port->send_failures() : 0;
}

}  // namespace hearth::lb
