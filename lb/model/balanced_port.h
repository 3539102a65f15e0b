#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/ip.h"
#include "lb/model/port_rules.h"

namespace hearth::lb {

// How a connection finds its backend. Values are hashed into chain names: append only.
enum class Balance : std::uint8_t { kRandom, kRoundRobin, kSourceHash };

// Who answers on one port of a VIP. At least one backend.
struct Balancing {
    Balance balance = Balance::kRandom;
    std::vector<Endpoint> backends;

    friend bool operator==(const Balancing&, const Balancing&) = default;
};

using BalancedPorts = std::map<OpenPort, Balancing>;

}  // namespace hearth::lb
