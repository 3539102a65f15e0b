#pragma once

#include <cstdint>
#include <string>

namespace hearth::lb {

// What people ask one node to do through another one.
struct PeerOrder {
    enum class Kind : std::uint8_t { kTake = 1, kDrain = 2, kUndrain = 3 };
    Kind kind = Kind::kTake;
    std::string vip;  // kTake: its name

    friend bool operator==(const PeerOrder&, const PeerOrder&) = default;
};

}  // namespace hearth::lb
