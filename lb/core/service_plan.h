#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lb/core/nft_plan.h"
#include "lb/model/balanced_port.h"

namespace hearth::lb {

// The services' table as the kernel has it: each port and the chain it leads to.
struct InstalledServices {
    InstalledRules::Shape shape = InstalledRules::Shape::kAbsent;
    std::map<OpenPort, std::string> chains;  // only when kCurrent
    friend bool operator==(const InstalledServices&, const InstalledServices&) = default;
};

// A chain's name tells all that is in it, and ends in its number of rules: two chains of one name
// are the same. So the kernel's table can be compared without reading expressions.
[[nodiscard]] std::string chain_name(const OpenPort& port, const Balancing& balancing);
// The number of rules in the chain; 0 when `name` is none of ours.
[[nodiscard]] std::size_t rules_in(const std::string& name);

struct ServiceOperation {
    enum class Kind : std::uint8_t {
        kDeleteTable,
        kCreateTable,  // with chains, rules and empty sets
        kAddChain,     // with its rules
        kRemovePort,
        kAddPort,
        kRemoveChain,
        kRemoveVip,
        kAddVip,
    };
    Kind kind = Kind::kCreateTable;
    OpenPort port;        // of kRemoveVip and kAddVip: its `vip` only
    std::string chain;    // that the port leads to
    Balancing balancing;  // kAddChain

    friend bool operator==(const ServiceOperation&, const ServiceOperation&) = default;
};

// The operations, in order, of the one transaction that turns `installed` into `desired`. Ports
// that stay as they are cost nothing. Without services there is no table.
[[nodiscard]] std::vector<ServiceOperation> plan_services(const InstalledServices& installed,
                                                          const BalancedPorts& desired);

}  // namespace hearth::lb
