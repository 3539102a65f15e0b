#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth::proxy {

enum class IoStatus : std::uint8_t { kMoved, kWouldBlock, kEnd, kFailed };

struct IoResult {
    IoStatus status = IoStatus::kWouldBlock;
    std::size_t octets = 0;
};

}  // namespace hearth::proxy
