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

    // Octets were taken, `left` of those that had arrived still wait. The new size when it grows,
    // which it does up to `most`, what there is for all bodies together.
    [[nodiscard]] std::int32_t taken(std::size_t octets, std::size_t left,
                                     std::int32_t most) noexcept {
        taken_ += octets;
        const auto size = static_cast<std::size_t>(size_);
        // A sender on a short way hears of room when half of it is there, and fills it at once.
        if (taken_ < size / 2 || left > size / 4 || size_ >= most) return 0;
        taken_ = 0;
        size_ = std::min(4 * size_, most);
        return size_;
    }

    [[nodiscard]] std::int32_t size() const noexcept { return size_; }

private:
    std::int32_t size_ = kFirst;
    std::size_t taken_ = 0;  // octets since it grew
};

}  // namespace hearth::proxy
