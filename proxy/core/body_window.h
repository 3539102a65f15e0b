#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace hearth::proxy {

// How many octets of one body its HTTP/2 sender may have on the way (RFC 9113 §5.2). Small at
// first, so that many streams share what a connection may hold; larger while what arrives is taken
// at once, for then it is the way that is long, not the taker that is slow.
class BodyWindow {
public:
    static constexpr std::int32_t kFirst = 64 * 1024;
    static constexpr std::int32_t kMost = 1024 * 1024;

    // Octets were taken, `left` of those that had arrived still wait. The new size when it grows.
    [[nodiscard]] std::int32_t taken(std::size_t octets, std::size_t left) noexcept {
        if (left > 0 || size_ == kMost) return 0;
        at_once_ += octets;
        if (at_once_ < static_cast<std::size_t>(size_)) return 0;
        at_once_ = 0;
        size_ = std::min(2 * size_, kMost);
        return size_;
    }

private:
    std::int32_t size_ = kFirst;
    std::size_t at_once_ = 0;  // octets since it grew that did not wait
};

}  // namespace hearth::proxy
