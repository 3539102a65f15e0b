#include "lb/io/open_connections.h"

#include <algorithm>
#include <utility>

#include "lb/io/clock.h"
#include "lb/io/tcp_flows.h"
#include "lb/model/address_list.h"
#include "runtime/event_loop.h"
#include "runtime/problems.h"

namespace hearth::lb {

namespace {

std::vector<Redirect> redirects_of(const std::vector<LedBack>& all) {
    std::vector<Redirect> redirects;
    for (const LedBack& led : all)
        redirects.insert(redirects.end(), led.redirects.begin(), led.redirects.end());
    return redirects;
}

}  // namespace

OpenConnections::OpenConnections(runtime::EventLoop& loop, runtime::Problems& problems, Host host)
    : loop_(loop), problems_(problems), host_(std::move(host)) {}

void OpenConnections::report(const Result<void>& done) {
    if (done)
        problems_.clear("vip_open_connections");
    else
        problems_.raise("vip_open_connections", done.error().to_string(),
                        runtime::Severity::kError);
}

void OpenConnections::open() { report(open_flows()); }

Result<void> OpenConnections::open_flows() {
    if (flows_) return {};
    auto opened = FlowRedirect::open();
    if (!opened) return fail(opened.error());
    flows_.emplace(std::move(*opened));
    auto watching = NftMonitor::open(loop_, {NftFamily::kNetdev}, {flows_->netlink_port()},
                                     [this] { restore(); });
    if (watching) monitor_ = std::move(*watching);
    return {};
}

// Somebody flushed the rules.
void OpenConnections::restore() {
    report(flows_->restore());
    led_.clear();
    host_.on_flushed();
}

Result<void> OpenConnections::look() {
    const auto places = host_.places();
    if (places.empty()) return {};
    std::vector<IpAddress> vips;
    for (const VipPlace& vip : places) vips.push_back(vip.address);
    auto flows = tcp_flows_of_host(backends_, vips);
    if (!flows) return fail(flows.error());
    own_ = std::move(*flows);
    looked_ = now();
    memory_.looked(places);
    return {};
}

void OpenConnections::remember() {
    ++asked_.ahead;
    static_cast<void>(look());
}

bool OpenConnections::lacks(const std::vector<LedBack>& wanted) const {
    return !std::ranges::all_of(
        wanted, [&](const LedBack& led) { return std::ranges::find(led_, led) != led_.end(); });
}

bool OpenConnections::is_urgent(const std::vector<LedBack>& wanted) const {
    const auto led = redirects_of(led_);
    return std::ranges::any_of(redirects_of(wanted), [&](const Redirect& redirect) {
        return redirect.life != Predecessor::Life::kAlive && !contains(led, redirect);
    });
}

void OpenConnections::lead(const std::vector<LedBack>& wanted) {
    if (wanted == led_) return;
    const auto led = redirects_of(std::exchange(led_, wanted));
    report(apply(wanted, led));
}

Result<void> OpenConnections::apply(const std::vector<LedBack>& wanted,
                                    const std::vector<Redirect>& led) {
    if (auto done = open_flows(); !done) return done;
    if (!memory_.is_enough(redirects_of(wanted), led)) {
        ++asked_.at_takeover;
        if (auto done = look(); !done) return done;
    }
    // So long ago that nobody leads them here any more.
    if (now() - looked_ > Reconciler::kServeOldConnections) own_.clear();
    return flows_->apply(wanted, own_);
}

void OpenConnections::withdraw() {
    if (flows_) report(flows_->withdraw());
}

}  // namespace hearth::lb
