#pragma once

#include <cstdint>
#include <string_view>

namespace hearth::dns {

// Why a message of an upstream is dropped.
enum class NoAnswer : std::uint8_t {
    kUnexpected,  // nothing with its ID was asked of that server from that port, or no longer is
    kMalformed,   // cut off, compressed in circles, not one question…
    kQuestion,    // to another question
    kLetters,     // in other letters than the question's
    kCookie,      // with another's cookie, or without one from who gave one before
    kOversize,    // larger than we said we take
};
inline constexpr int kNoAnswerCount = 6;

[[nodiscard]] constexpr std::string_view to_string(NoAnswer why) noexcept {
    switch (why) {
        case NoAnswer::kUnexpected: return "unexpected";
        case NoAnswer::kMalformed: return "malformed";
        case NoAnswer::kQuestion: return "question";
        case NoAnswer::kLetters: return "letters";
        case NoAnswer::kCookie: return "cookie";
        case NoAnswer::kOversize: return "oversize";
    }
    return "unknown";
}

}  // namespace hearth::dns
