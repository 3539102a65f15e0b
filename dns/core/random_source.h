#pragma once

#include <cstdint>

namespace hearth::dns {

// Unpredictable numbers for message IDs and ports (RFC 5452 §9.2); made at the edge.
class RandomSource {
public:
    virtual ~RandomSource() = default;
    [[nodiscard]] virtual std::uint64_t next() = 0;
};

}  // namespace hearth::dns
