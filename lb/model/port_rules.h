#pragma once

#include <compare>
#include <cstdint>
#include <set>

#include "base/ip.h"

namespace hearth::lb {

enum class Transport : std::uint8_t { kTcp = 6, kUdp = 17 };

// A port of a VIP that the document names.
struct OpenPort {
    IpAddress vip;
    Transport transport = Transport::kTcp;
    std::uint16_t port = 0;

    friend auto operator<=>(const OpenPort&, const OpenPort&) = default;
};

// What the firewall should let in: for each VIP the ports named, and ICMP; everything else that
// is sent to a VIP is refused at once.
struct PortRules {
    std::set<IpAddress> vips;
    std::set<OpenPort> open;     // answered by a daemon of this node
    std::set<OpenPort> passing;  // of services: what is not sent on to a backend is refused

    friend bool operator==(const PortRules&, const PortRules&) = default;
};

}  // namespace hearth::lb
