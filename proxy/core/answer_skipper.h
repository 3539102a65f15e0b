#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proxy/core/body_flow.h"
#include "proxy/core/http1_parser.h"
#include "proxy/model/message.h"

namespace hearth::proxy {

// Finds the end of an answer that nobody wants any more, behind which its connection is as good as
// before the request.
class AnswerSkipper {
public:
    // More than that is not worth waiting for.
    static constexpr std::size_t kMost = 64 * 1024;

    enum class Progress : std::uint8_t {
        kGoesOn,
        kOver,     // the connection may be used again
        kUseless,  // it may not
    };

    explicit AnswerSkipper(Method method) noexcept : method_(method) {}

    // Of `octets`, which begin where the last call left off, it takes `used` off the front; the
    // rest is to be given again, with more.
    [[nodiscard]] Progress take(std::span<char> octets, std::size_t& used);

private:
    // kOver: it is complete, and the body may follow.
    [[nodiscard]] Progress take_head(std::span<char> octets, std::size_t& used);

    Method method_;
    bool has_head_ = false;
    std::size_t skipped_ = 0;
    ResponseParser parser_;
    BodyFlow body_;
};

}  // namespace hearth::proxy
