#pragma once

#include <string>
#include <vector>

#include "base/ip.h"

namespace hearth::dns {

// The networks this machine has an address in, loopback included, link-local ones too; host
// addresses (a VIP's /32) are not networks. Empty when the system does not say.
[[nodiscard]] std::vector<IpPrefix> connected_networks();

// Those of one interface; empty when there is none of that name.
[[nodiscard]] std::vector<IpPrefix> networks_of(const std::string& interface);

// Whether the system knows a way there; nothing is sent.
[[nodiscard]] bool has_route_to(const IpAddress& address);

// The machine's own addresses.
[[nodiscard]] std::vector<IpAddress> own_addresses();

}  // namespace hearth::dns
