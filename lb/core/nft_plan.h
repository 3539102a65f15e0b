#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lb/model/port_rules.h"

namespace hearth::lb {

// Our table as the kernel has it.
struct InstalledRules {
    enum class Shape : std::uint8_t {
        kAbsent,
        kDamaged,  // made by another version, or somebody changed its chains
        kCurrent,
    };
    Shape shape = Shape::kAbsent;
    PortRules rules;  // only when kCurrent
};

struct NftOperation {
    enum class Kind : std::uint8_t {
        kDeleteTable,
        kCreateTable,  // with chains, rules and empty sets
        kRemoveVip,
        kClosePort,
        kOpenPort,
        kForgetNumber,  // the last port with this number was closed
        kStopPort,
        kPassPort,
        kAddVip,
    };
    Kind kind = Kind::kCreateTable;
    std::optional<IpAddress> vip;
    std::optional<OpenPort> port;

    friend bool operator==(const NftOperation&, const NftOperation&) = default;
};

// The operations, in order, of the one transaction that turns `installed` into `desired`; none when
// nothing differs. Without VIPs there is no table.
[[nodiscard]] std::vector<NftOperation> plan_changes(const InstalledRules& installed,
                                                     const PortRules& desired);

}  // namespace hearth::lb
