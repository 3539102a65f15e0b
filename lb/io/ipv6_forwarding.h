#pragma once

#include <string>

#include "base/result.h"

namespace hearth::lb {

// Lets this machine forward IPv6 packets, which Linux switches for all interfaces at once. A
// machine that forwards takes no router advertisements: before that accept_ra=2 makes `interface`
// take them nevertheless, else its own address and default route would be gone within half a
// minute.
[[nodiscard]] Result<void> forward_ipv6(const std::string& interface);

}  // namespace hearth::lb
