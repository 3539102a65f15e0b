#include "lb/core/service_board.h"

#include <algorithm>

namespace hearth::lb {
namespace {

bool is_used(const InstalledServices& installed, const OpenPort& port, const Endpoint& backend) {
    const auto slots = installed.slots.find(port);
    if (slots == installed.slots.end()) return true;  // nobody was: that tells nothing
    return std::ranges::find(slots->second, std::optional(backend)) != slots->second.end();
}

}  // namespace

void ServiceBoard::apply(std::vector<BalancedService> services, const InstalledServices& installed,
                         TimePoint now) {
    services_.clear();
    ports_.clear();
    std::set<CheckTarget> wanted;
    for (BalancedService& service : services) {
        for (const Backend& backend : service.balancing.backends) {
            if (!service.check) break;
            const CheckTarget target{backend.endpoint, *service.check};
            wanted.insert(target);
            ports_[target].push_back(service.port);
            if (checks_.state(target) == BackendState::kUnchecked &&
                !service.drained.contains(backend.endpoint) &&
                !is_used(installed, service.port, backend.endpoint))
                doubted_.insert(target);
        }
        const OpenPort port = service.port;
        services_.emplace(port, std::move(service));
    }
    std::erase_if(doubted_, [&](const CheckTarget& target) { return !wanted.contains(target); });
    checks_.apply(wanted, now);
}

const std::vector<OpenPort>& ServiceBoard::ports_of(const CheckTarget& target) const {
    static const std::vector<OpenPort> kNone;
    const auto found = ports_.find(target);
    return found == ports_.end() ? kNone : found->second;
}

BackendChecks::Outcome ServiceBoard::answered(const CheckTarget& target, bool is_good) {
    doubted_.erase(target);
    return checks_.answered(target, is_good);
}

BackendState ServiceBoard::state(const BalancedService& service, const Endpoint& backend) const {
    if (!service.check) return BackendState::kUnchecked;
    const CheckTarget target{backend, *service.check};
    const BackendState state = checks_.state(target);
    return state == BackendState::kUnknown && doubted_.contains(target) ? BackendState::kDown
                                                                        : state;
}

Away ServiceBoard::away(const BalancedService& service) const {
    Away away = service.drained;
    for (const Backend& backend : service.balancing.backends)
        if (state(service, backend.endpoint) == BackendState::kDown) away.insert(backend.endpoint);
    return away;
}

PortProgram ServiceBoard::program(const OpenPort& port) const {
    const BalancedService& service = services_.at(port);
    return program_of(port, service.balancing, away(service));
}

ServiceProgram ServiceBoard::program() const {
    ServiceProgram all;
    for (const auto& [port, service] : services_)
        all.emplace(port, program_of(port, service.balancing, away(service)));
    return all;
}

ServiceProgram ServiceBoard::preview(const std::vector<BalancedService>& services) const {
    ServiceProgram all;
    for (const BalancedService& service : services)
        all.emplace(service.port, program_of(service.port, service.balancing, away(service)));
    return all;
}

std::set<Endpoint> ServiceBoard::living(const BalancedService& service) const {
    std::set<Endpoint> living;
    for (const Backend& backend : service.balancing.backends)
        if (state(service, backend.endpoint) != BackendState::kDown)
            living.insert(backend.endpoint);
    return living;
}

const BalancedService* ServiceBoard::find(const OpenPort& port) const noexcept {
    auto next = services_.upper_bound(port);
    if (next == services_.begin()) return nullptr;
    const BalancedService& service = (--next)->second;
    const bool is_here = service.port.vip == port.vip && service.port.transport == port.transport &&
                         port.port <= std::max(service.port.port, service.balancing.last_port);
    return is_here ? &service : nullptr;
}

std::set<CheckTarget> ServiceBoard::down() const {
    std::set<CheckTarget> all = checks_.down();
    all.insert(doubted_.begin(), doubted_.end());
    return all;
}

std::vector<BackendView> ServiceBoard::backends(const BalancedService& service) const {
    std::vector<BackendView> views;
    for (const Backend& backend : service.balancing.backends)
        views.push_back({backend, state(service, backend.endpoint),
                         service.drained.contains(backend.endpoint)});
    return views;
}

}  // namespace hearth::lb
