#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth::dns {

// Which group of blocking.groups a client is in, by the order of the document; 0: in none.
using GroupIndex = std::uint8_t;
inline constexpr GroupIndex kDefaultGroup = 0;
inline constexpr std::size_t kMostGroups = 64;  // the default one included

// A set of groups.
using GroupMask = std::uint64_t;
[[nodiscard]] constexpr GroupMask mask_of(GroupIndex group) noexcept {
    return GroupMask{1} << group;
}

}  // namespace hearth::dns
