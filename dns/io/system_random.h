#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dns/core/random_source.h"

namespace hearth::dns {

// The kernel's random numbers, fetched a few at a time. One per thread.
class SystemRandom final : public RandomSource {
public:
    [[nodiscard]] std::uint64_t next() override;

private:
    std::array<std::uint64_t, 32> pool_{};
    std::size_t left_ = 0;
};

}  // namespace hearth::dns
