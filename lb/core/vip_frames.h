#pragma once

#include <vector>

#include "base/ip.h"
#include "base/mac.h"
#include "lb/model/frame.h"

// What is said about an address on the LAN, by ARP or by neighbour discovery as its family has it.
namespace hearth::lb {

// Tells everybody that `address` is here now, in every form that clients take as an update.
void announce(std::vector<Frame>& out, MacAddress own, const IpAddress& address);
// Does anybody use `address`? Claims nothing.
[[nodiscard]] Frame probe_for(MacAddress own, const IpAddress& address);
// VRRP, for which other nodes wait; the rest is for everybody on the network.
[[nodiscard]] bool is_advert(const Frame& frame) noexcept;
// Where is `address`? Asked by `own_ip`, which is of its family.
[[nodiscard]] Frame question_about(MacAddress own, const IpAddress& own_ip,
                                   const IpAddress& address);

}  // namespace hearth::lb
