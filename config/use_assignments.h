#pragma once

#include <vector>

#include "base/assigned_address.h"
#include "config/document.h"

namespace hearth::config {

// Gives VIPs that ask a pool, and the services on them, the addresses that they got. A VIP
// without any is taken out of `vips`; its services stay and have no address.
void use_assignments(Document& document, const std::vector<AssignedAddress>& assigned);

}  // namespace hearth::config
