#pragma once

#include "base/ip.h"

namespace hearth::runtime {

// True when this machine carries the address on one of its interfaces, up or not.
[[nodiscard]] bool is_local_address(const IpAddress& address) noexcept;

}  // namespace hearth::runtime
