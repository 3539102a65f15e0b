#pragma once

#include <algorithm>
#include <vector>

#include "base/ip.h"

namespace hearth::lb {

[[nodiscard]] inline bool contains(const std::vector<IpAddress>& list, const IpAddress& address) {
    return std::ranges::find(list, address) != list.end();
}

}  // namespace hearth::lb
