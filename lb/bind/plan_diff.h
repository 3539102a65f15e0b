#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lb/bind/plan.h"

namespace hearth::lb {

// One thing of a plan that another one has not, or has otherwise.
struct PlanChange {
    enum class Action : std::uint8_t { kAdd, kRemove, kChange };
    Action action = Action::kAdd;
    std::string kind;     // "vip", "service", "port"
    std::string subject;  // "mqtt 10.0.0.101 tcp/1883"
    std::string detail;   // "backends +10.0.0.15:1883 -10.0.0.12:1883"

    friend bool operator==(const PlanChange&, const PlanChange&) = default;
};

[[nodiscard]] std::string_view to_string(PlanChange::Action action) noexcept;

// What hearth-lb on this node would do otherwise: VIPs, then services, then the ports of daemons.
[[nodiscard]] std::vector<PlanChange> compare_plans(const Plan& before, const Plan& after);

}  // namespace hearth::lb
