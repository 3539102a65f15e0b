#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "dns/core/wire_view.h"

namespace hearth::dns {

// Our side of DNS cookies with one server (RFC 7873 §5.1, §5.3): an answer that lacks ours was not
// made by who saw the question.
class UpstreamCookie {
public:
    enum class Judgement : std::uint8_t {
        kGood,     // ours; or none, and the server has never given one
        kForged,   // another's
        kMissing,  // the server gave one before, and none now
    };

    // True: draw() is to come before option().
    [[nodiscard]] bool is_empty() const noexcept { return size_ == 0; }
    // Makes our half of random bits.
    void draw(std::uint64_t random) noexcept;
    // The option's data for the next question.
    [[nodiscard]] ByteView option() const noexcept { return ByteView(octets_).first(size_); }
    // Judges an answer to a question that carried option(), and keeps the server's half.
    [[nodiscard]] Judgement judge(const std::optional<ByteView>& option) noexcept;
    // Another program may answer from now on.
    void forget() noexcept { size_ = 0; }

private:
    static constexpr std::size_t kOurs = 8;
    static constexpr std::size_t kLongest = 40;

    std::array<std::uint8_t, kLongest> octets_{};  // ours, then the server's
    std::size_t size_ = 0;                         // 0: we have none yet
};

}  // namespace hearth::dns
