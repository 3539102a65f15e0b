#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lb/model/port_rules.h"

namespace hearth::lb {

// What the numbers of open ports have in common: in each, the bits of `mask` are as in `value`.
// Most of what a node forwards is told from it without a look into a set.
struct PortPattern {
    std::uint16_t mask = 0xffff;
    std::uint16_t value = 0;

    friend bool operator==(const PortPattern&, const PortPattern&) = default;
};
[[nodiscard]] PortPattern common_pattern(const std::set<OpenPort>& ports) noexcept;

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
        kCreateTable,  // with chains, rules for ports of `pattern`, and empty sets
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
    PortPattern pattern{};

    friend bool operator==(const NftOperation&, const NftOperation&) = default;
};

// The operations, in order, of the one transaction that turns `installed` into `desired`; none when
// nothing differs. Without VIPs there is no table.
[[nodiscard]] std::vector<NftOperation> plan_changes(const InstalledRules& installed,
                                                     const PortRules& desired);

}  // namespace hearth::lb
