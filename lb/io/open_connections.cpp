#include "lb/io/open_connections.h"

#include <algorithm>
#include <utility>

#include "runtime/event_loop.h"
#include "runtime/problems.h"

namespace hearth::lb {

bool is_urgent(const std::vector<LedBack>& wanted) {
    return std::ranges::any_of(wanted, [](const LedBack& led) {
        return std::ranges::any_of(led.redirects, [](const Redirect& redirect) {
            return redirect.life == Predecessor::Life::kSilent;
        });
    });
}

OpenConnections::OpenConnections(runtime::EventLoop& loop, runtime::Problems& problems,
                                 std::function<void()> on_flushed)
    : loop_(loop), problems_(problems), on_flushed_(std::move(on_flushed)) {}

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
    on_flushed_();
}

void OpenConnections::remember(const std::vector<IpAddress>& vips, Backends backends) {
    if (vips.empty()) return;
    if (auto flows = tcp_flows_of_host(backends, vips)) own_ = std::move(*flows);
}

bool OpenConnections::lacks(const std::vector<LedBack>& wanted) const {
    return !std::ranges::all_of(
        wanted, [&](const LedBack& led) { return std::ranges::find(led_, led) != led_.end(); });
}

void OpenConnections::lead(const std::vector<LedBack>& wanted, Backends backends) {
    if (wanted == led_) return;
    led_ = wanted;
    report(apply(wanted, backends));
}

Result<void> OpenConnections::apply(const std::vector<LedBack>& wanted, Backends backends) {
    if (auto done = open_flows(); !done) return done;
    if (!wanted.empty() && !is_urgent(wanted)) {  // else what is remembered has to do
        std::vector<IpAddress> vips;
        for (const LedBack& led : wanted)
            for (const Redirect& redirect : led.redirects) vips.push_back(redirect.vip);
        auto flows = tcp_flows_of_host(backends, vips);
        if (!flows) return fail(flows.error());
        own_ = std::move(*flows);
    }
    return flows_->apply(wanted, own_);
}

void OpenConnections::withdraw() {
    if (flows_) report(flows_->withdraw());
}

}  // namespace hearth::lb
