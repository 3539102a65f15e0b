#pragma once

#include <optional>
#include <vector>

#include "lb/model/firewall.h"

namespace hearth::lb::firewall {

// The first table that certainly drops the packet. Whatever is not understood, or depends on what
// is not known of the packet, may be as the packet needs it: rather nothing is said than something
// wrong.
[[nodiscard]] std::optional<Obstacle> find_obstacle(const std::vector<Table>& tables,
                                                    const Packet& packet);

}  // namespace hearth::lb::firewall
