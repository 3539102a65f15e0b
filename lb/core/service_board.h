#pragma once

#include <map>
#include <string>
#include <vector>

#include "lb/core/backend_checks.h"
#include "lb/core/service_plan.h"
#include "lb/model/balanced_service.h"

namespace hearth::lb {

struct BackendView {
    Backend backend;
    BackendState state = BackendState::kUnchecked;
    bool is_drained = false;
};

// The services of this node: what the document wants of them, what their backends answer, and what
// follows for the kernel's tables.
class ServiceBoard {
public:
    // The checks of backends that stay go on. `installed`: backends that are not in use there,
    // while others of their port are, are taken for dead until they answer: a restart of ours does
    // not bring them back.
    void apply(std::vector<BalancedService> services, const InstalledServices& installed,
               TimePoint now);

    [[nodiscard]] BackendChecks& checks() noexcept { return checks_; }
    // Ports whose backends are asked this question.
    [[nodiscard]] const std::vector<OpenPort>& ports_of(const CheckTarget& target) const;
    // As BackendChecks; after it the ports of `target` may want other slots.
    BackendChecks::Outcome answered(const CheckTarget& target, bool is_good);

    [[nodiscard]] PortProgram program(const OpenPort& port) const;
    [[nodiscard]] ServiceProgram program() const;
    // What would be wanted of `services`, if they were these, as far as answers are known.
    [[nodiscard]] ServiceProgram preview(const std::vector<BalancedService>& services) const;
    // Endpoints whose connections are left alone: those that get new ones, and the drained.
    [[nodiscard]] std::set<Endpoint> living(const BalancedService& service) const;

    [[nodiscard]] const std::map<OpenPort, BalancedService>& services() const noexcept {
        return services_;
    }
    // The port or range that has `port`, or null.
    [[nodiscard]] const BalancedService* find(const OpenPort& port) const noexcept;
    // What is dead, or taken for it; whoever shows it need not look at all that lives.
    [[nodiscard]] std::set<CheckTarget> down() const;
    [[nodiscard]] std::vector<BackendView> backends(const BalancedService& service) const;

private:
    [[nodiscard]] BackendState state(const BalancedService& service, const Endpoint& backend) const;
    [[nodiscard]] Away away(const BalancedService& service) const;

    std::map<OpenPort, BalancedService> services_;
    BackendChecks checks_;
    std::map<CheckTarget, std::vector<OpenPort>> ports_;
    std::set<CheckTarget> doubted_;  // kUnknown, and not used before
};

}  // namespace hearth::lb
