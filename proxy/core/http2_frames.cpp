#include "proxy/core/http2_frames.h"

#include <algorithm>

namespace hearth::proxy {

namespace {
constexpr std::uint8_t kData = 0;
constexpr std::uint8_t kHeaders = 1;
constexpr std::uint8_t kEndStream = 1;
}  // namespace

void Http2FrameCounter::pass(std::span<const char> octets) noexcept {
    while (!octets.empty()) {
        if (skip_ > 0) {
            const std::size_t passed = std::min(skip_, octets.size());
            skip_ -= passed;
            octets = octets.subspan(passed);
            continue;
        }
        const std::size_t part = std::min(kHead - have_, octets.size());
        std::copy_n(octets.begin(), part, head_.begin() + have_);
        octets = octets.subspan(part);
        have_ += part;
        if (have_ == kHead) end_head();
    }
}

void Http2FrameCounter::end_head() noexcept {
    have_ = 0;
    skip_ = static_cast<std::size_t>(head_[0]) << 16 | static_cast<std::size_t>(head_[1]) << 8 |
            head_[2];
    const std::uint8_t type = head_[3];
    const bool ends = (head_[4] & kEndStream) != 0;
    if (type != kHeaders && (type != kData || (skip_ == 0 && !ends))) ++idle_;
}

}  // namespace hearth::proxy
