#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "lb/model/port_rules.h"

namespace hearth::lb {

// How a connection finds its backend. Values stand in names of chains: append only.
enum class Balance : std::uint8_t { kRandom, kRoundRobin, kSourceHash };

struct Backend {
    Endpoint endpoint;
    std::uint16_t weight = 1;  // its share, among all weights

    friend bool operator==(const Backend&, const Backend&) = default;
};

// Who answers on one port of a VIP, or on a range of ports that begins with it.
struct Balancing {
    Balance balance = Balance::kRandom;
    std::vector<Backend> backends;     // at least one
    std::uint16_t last_port = 0;       // of a range, whose ports stay as they are; 0: one port
    std::chrono::seconds affinity{0};  // a client comes back to its backend within it; 0: no
    std::vector<IpPrefix> allow;       // who may connect; empty: everybody

    friend bool operator==(const Balancing&, const Balancing&) = default;
};

using BalancedPorts = std::map<OpenPort, Balancing>;

// Endpoints that get no new connections: they do not answer, or are drained.
using Away = std::set<Endpoint>;

}  // namespace hearth::lb
