#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/model/message.h"
#include "proxy/model/refusal.h"

// HTTP/1.1 message heads (RFC 9112 §2-§5), strict: what two implementations could read
// differently is refused, never repaired. The grammar, each line ended by CR LF:
//
//   request  = [CRLF] method SP target SP version CRLF *( name ":" OWS value OWS CRLF ) CRLF
//   response = version SP 3DIGIT [SP reason] CRLF        *( … )                         CRLF
namespace hearth::proxy {

struct HeadLimits {
    std::size_t first_line = 8 * 1024;
    std::size_t head = 24 * 1024;  // all lines together; below io's block size
};

enum class ParseStatus : std::uint8_t { kNeedMore, kDone, kRefused };

// The lines of one head as they become complete; remembers how far it has looked, so that a
// head that arrives one octet at a time costs no more than one that arrives at once.
class HeadLines {
public:
    explicit HeadLines(HeadLimits limits) noexcept : limits_(limits) {}

    // The next line without its CR LF. kNeedMore when it is not complete yet.
    [[nodiscard]] ParseStatus next(std::string_view bytes, std::string_view& line) noexcept;
    [[nodiscard]] std::size_t consumed() const noexcept { return line_start_; }
    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
    void skip_first_line() noexcept { first_line_start_ = line_start_; }
    void reset() noexcept { *this = HeadLines(limits_); }

private:
    [[nodiscard]] bool too_long(std::size_t end) noexcept;

    HeadLimits limits_;
    std::size_t line_start_ = 0;
    std::size_t first_line_start_ = 0;
    std::size_t looked_ = 0;  // no LF before this offset, from line_start_ on
    Refusal refusal_ = Refusal::kNone;
};

// Feed: parse(all octets of this head so far), again with more until it is not kNeedMore.
// The octets must stay at the same address until the head is no longer used.
class RequestParser {
public:
    explicit RequestParser(HeadLimits limits = {}) noexcept : lines_(limits) {}

    [[nodiscard]] ParseStatus parse(std::string_view bytes) noexcept;

    // After kDone.
    [[nodiscard]] const RequestHead& head() const noexcept { return head_; }
    [[nodiscard]] RequestHead& edit_head() noexcept { return head_; }
    // Octets of the head, the empty line included.
    [[nodiscard]] std::size_t consumed() const noexcept { return lines_.consumed(); }
    // After kRefused.
    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
    // False while nothing but an empty line has arrived: the client is idle, not slow.
    [[nodiscard]] bool started() const noexcept { return state_ != State::kFirstLine; }
    void reset() noexcept;

private:
    enum class State : std::uint8_t { kFirstLine, kRequestLine, kHeaders };

    [[nodiscard]] ParseStatus refuse(Refusal refusal) noexcept;
    [[nodiscard]] Refusal request_line(std::string_view line) noexcept;
    [[nodiscard]] Refusal finish() noexcept;

    HeadLines lines_;
    State state_ = State::kFirstLine;
    Refusal refusal_ = Refusal::kNone;
    bool absolute_form_ = false;
    RequestHead head_;
};

class ResponseParser {
public:
    explicit ResponseParser(HeadLimits limits = {}) noexcept : lines_(limits) {}

    // `request_method` decides whether a body follows (RFC 9112 §6.3).
    [[nodiscard]] ParseStatus parse(std::string_view bytes, Method request_method) noexcept;

    [[nodiscard]] const ResponseHead& head() const noexcept { return head_; }
    [[nodiscard]] ResponseHead& edit_head() noexcept { return head_; }
    [[nodiscard]] std::size_t consumed() const noexcept { return lines_.consumed(); }
    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
    void reset() noexcept;

private:
    [[nodiscard]] ParseStatus refuse(Refusal refusal) noexcept;
    [[nodiscard]] Refusal status_line(std::string_view line) noexcept;

    HeadLines lines_;
    bool in_headers_ = false;
    Refusal refusal_ = Refusal::kNone;
    ResponseHead head_;
};

// One header line without its CR LF; also used for trailers.
[[nodiscard]] Refusal parse_header_line(std::string_view line, HeaderField& field) noexcept;

}  // namespace hearth::proxy
