#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace hearth::proxy {

// How many octets of all its bodies the sender of one HTTP/2 connection may have on the way
// (RFC 9113 §5.2): twice what is taken from it while a sign of life goes there and comes back. So
// it grows where the way is long, and neither on a short one nor before slow takers.
class PathWindow {
public:
    static constexpr std::int32_t kFirst = 1024 * 1024;
    static constexpr std::int32_t kMost = 8 * kFirst;

    // Octets of bodies were taken. True: ask the peer for a sign of life now.
    [[nodiscard]] bool taken(std::size_t octets) noexcept {
        if (size_ == kMost) return false;
        taken_ += octets;
        if (asking_ || taken_ < wait_) return false;
        asking_ = true;
        taken_ = 0;
        return true;
    }

    // There is one. By how much it is to grow.
    [[nodiscard]] std::int32_t growth() noexcept {
        if (!std::exchange(asking_, false)) return 0;
        const bool is_full = std::exchange(taken_, 0) >= static_cast<std::size_t>(size_) / 3;
        wait_ = 0;
        if (is_full) {
            pause_ = kFirst / 16;
            return std::min(size_, kMost - size_);
        }
        // Who has used up its window sends nothing while it is asked, and as much as may be behind
        // its answer: that is the time to ask again.
        if (std::exchange(asked_twice_, !asked_twice_))
            wait_ = pause_ = std::min(2 * pause_, kLongPause);
        return 0;
    }
    void grow(std::int32_t octets) noexcept { size_ += octets; }

    [[nodiscard]] std::int32_t size() const noexcept { return size_; }

private:
    static constexpr std::size_t kLongPause = 256 * std::size_t{kFirst};

    std::int32_t size_ = kFirst;
    bool asking_ = false;
    bool asked_twice_ = false;
    std::size_t taken_ = 0;            // since the last question, or answer
    std::size_t pause_ = kFirst / 16;  // octets between two and two questions that were in vain
    std::size_t wait_ = pause_;        // octets until the next
};

}  // namespace hearth::proxy
