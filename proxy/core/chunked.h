#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/core/trailers.h"
#include "proxy/model/refusal.h"

// The chunked transfer coding (RFC 9112 §7.1), strict:
//
//   chunk   = 1*HEXDIG [";" extension] CRLF data CRLF
//   body    = *chunk 1*"0" [";" extension] CRLF *( trailer-line CRLF ) CRLF
namespace hearth::proxy {

// Decodes in place: chunk data is moved together at the front of what it is given.
class ChunkedDecoder {
public:
    struct Step {
        std::size_t consumed = 0;  // octets used up; less than given only at the end or a refusal
        std::size_t produced = 0;  // octets of data now at the front
    };
    [[nodiscard]] Step decode(std::span<char> bytes);

    [[nodiscard]] bool done() const noexcept { return state_ == State::kDone; }
    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
    // Trailer lines worth forwarding, each with its CR LF; complete when done(). The rest is
    // dropped.
    [[nodiscard]] std::string_view trailers() const noexcept { return trailers_; }
    void reset() noexcept;
    // After reset(), which forgets it.
    void set_trailer_rule(TrailerRule rule) noexcept { trailer_rule_ = rule; }

private:
    enum class State : std::uint8_t {
        kSizeFirst,
        kSize,
        kExtension,
        kSizeLf,
        kData,
        kDataCr,
        kDataLf,
        kTrailer,
        kTrailerLf,
        kDone,
    };

    void octet(char c);
    void size_digit(char c) noexcept;
    void trailer_octet(char c);
    void end_trailer_line();
    void refuse(Refusal refusal) noexcept { refusal_ = refusal; }

    State state_ = State::kSizeFirst;
    Refusal refusal_ = Refusal::kNone;
    TrailerRule trailer_rule_ = TrailerRule::kResults;
    std::uint64_t left_ = 0;       // data octets left in this chunk
    std::size_t line_octets_ = 0;  // of the extension, or of all trailers
    std::string line_;             // the trailer line so far
    std::string trailers_;
};

// "1f40\r\n" for the chunk that follows; empty for no data, which would end the body.
class ChunkPrefix {
public:
    std::string_view set(std::size_t size) noexcept;

private:
    std::array<char, 20> text_{};
};

inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kChunkEndAndLast = "\r\n0\r\n\r\n";

}  // namespace hearth::proxy
