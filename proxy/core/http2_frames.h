#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hearth::proxy {

// Looks at the heads of the frames that a client sends (RFC 9113 §4.1) and counts those that carry
// neither a request nor octets of one, known or not. Floods are made of them.
class Http2FrameCounter {
public:
    static constexpr std::size_t kHead = 9;

    // `preface`: octets before the first frame.
    explicit Http2FrameCounter(std::size_t preface) noexcept : skip_(preface) {}

    // The next octets, cut anywhere.
    void pass(std::span<const char> octets) noexcept;
    [[nodiscard]] std::uint64_t idle() const noexcept { return idle_; }

private:
    void end_head() noexcept;

    std::size_t skip_;  // of a payload, until the next head
    std::size_t have_ = 0;
    std::array<std::uint8_t, kHead> head_{};
    std::uint64_t idle_ = 0;
};

}  // namespace hearth::proxy
