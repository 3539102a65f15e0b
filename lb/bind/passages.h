#pragma once

#include <vector>

#include "lb/bind/plan.h"
#include "lb/io/firewall_watch.h"

namespace hearth::lb {

// What must come through the firewalls of this node: questions and requests to the daemons behind
// its VIPs, the other nodes, and connections that it passes on to backends elsewhere. Adverts
// are not among them: hearth-lb hears and sends them where no firewall looks.
[[nodiscard]] std::vector<Passage> make_passages(const Plan& plan);

}  // namespace hearth::lb
