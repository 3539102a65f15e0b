#include "proxy/core/chunked.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "proxy/core/http1_parser.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kMaxExtension = 256;

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void ChunkedDecoder::reset() noexcept {
    state_ = State::kSizeFirst;
    refusal_ = Refusal::kNone;
    trailer_rule_ = TrailerRule::kResults;
    line_octets_ = 0;
    line_.clear();
    trailers_.clear();
}

ChunkedDecoder::Step ChunkedDecoder::decode(std::span<char> bytes) {
    Step step;
    while (step.consumed < bytes.size() && state_ != State::kDone && refusal_ == Refusal::kNone) {
        if (state_ != State::kData) {
            octet(bytes[step.consumed++]);
            continue;
        }
        const auto run =
            static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - step.consumed));
        if (step.produced != step.consumed) {
            std::memmove(bytes.data() + step.produced, bytes.data() + step.consumed, run);
        }
        step.produced += run;
        step.consumed += run;
        left_ -= run;
        if (left_ == 0) state_ = State::kDataCr;
    }
    return step;
}

void ChunkedDecoder::octet(char c) {
    switch (state_) {
        case State::kSizeFirst:
            left_ = 0;
            if (hex_value(c) < 0) return refuse(Refusal::kChunkSize);
            state_ = State::kSize;
            return size_digit(c);
        case State::kSize:
            if (c == '\r') {
                state_ = State::kSizeLf;
            } else if (c == ';') {
                line_octets_ = 0;
                state_ = State::kExtension;
            } else {
                size_digit(c);
            }
            return;
        case State::kExtension:
            if (c == '\r') {
                state_ = State::kSizeLf;
            } else if (!is_of(c, octet_class::kValue) || ++line_octets_ > kMaxExtension) {
                refuse(Refusal::kChunkSize);
            }
            return;
        case State::kSizeLf:
            if (c != '\n') return refuse(Refusal::kBareCr);
            line_octets_ = 0;
            state_ = left_ == 0 ? State::kTrailer : State::kData;
            return;
        case State::kDataCr:
            if (c != '\r') return refuse(Refusal::kChunkEnd);
            state_ = State::kDataLf;
            return;
        case State::kDataLf:
            if (c != '\n') return refuse(Refusal::kChunkEnd);
            state_ = State::kSizeFirst;
            return;
        case State::kTrailer:
        case State::kTrailerLf: return trailer_octet(c);
        case State::kData:
        case State::kDone: return;
    }
}

void ChunkedDecoder::size_digit(char c) noexcept {
    constexpr std::uint64_t kMax = std::uint64_t{1} << 59;  // a shift by four stays below 2^63
    const int digit = hex_value(c);
    if (digit < 0 || left_ >= kMax) return refuse(Refusal::kChunkSize);
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
}

void ChunkedDecoder::trailer_octet(char c) {
    if (++line_octets_ > kMaxTrailers) return refuse(Refusal::kHeadTooLarge);
    if (state_ == State::kTrailerLf) {
        if (c != '\n') return refuse(Refusal::kBareCr);
        return end_trailer_line();
    }
    if (c == '\r') {
        state_ = State::kTrailerLf;
    } else if (c == '\n') {
        refuse(Refusal::kBareCr);
    } else {
        line_.push_back(c);
    }
}

void ChunkedDecoder::end_trailer_line() {
    if (line_.empty()) {
        state_ = State::kDone;
        return;
    }
    HeaderField field;
    if (parse_header_line(line_, field) != Refusal::kNone) return refuse(Refusal::kTrailer);
    if (may_forward_trailer(field.name, trailer_rule_)) {
        trailers_.append(field.name).append(": ").append(field.value).append("\r\n");
    }
    line_.clear();
    state_ = State::kTrailer;
}

std::string_view ChunkPrefix::set(std::size_t size) noexcept {
    if (size == 0) return {};
    char* const end = std::to_chars(text_.data(), text_.data() + 16, size, 16).ptr;
    end[0] = '\r';
    end[1] = '\n';
    return {text_.data(), static_cast<std::size_t>(end + 2 - text_.data())};
}

}  // namespace hearth::proxy
