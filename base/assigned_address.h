#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"

namespace hearth {

// An address that a VIP got from a pool: one for each family.
struct AssignedAddress {
    std::string vip;
    IpAddress address;
    std::uint32_t revision = 1;   // counts up when the VIP must have another address
    std::int64_t assigned_s = 0;  // seconds since 1970

    friend bool operator==(const AssignedAddress&, const AssignedAddress&) = default;
};

// How the nodes tell each other, and how a node remembers: lines of
//
//   VIP ADDRESS REVISION SECONDS
//
// Lines that begin with '#' are for people. kInvalid names the first line that is neither.
[[nodiscard]] std::string write_assigned(const std::vector<AssignedAddress>& all);
[[nodiscard]] Result<std::vector<AssignedAddress>> parse_assigned(std::string_view text);

}  // namespace hearth
