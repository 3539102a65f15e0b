#include "proxy/core/http1_parser.h"

#include <algorithm>
#include <cstring>

#include "proxy/core/authority.h"
#include "proxy/core/body_framing.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kMaxMethod = 32;

// What is wrong with a run of octets in which one is out of place.
Refusal control_refusal(std::string_view text, Refusal otherwise) noexcept {
    for (const char c : text) {
        if (c == '\r') return Refusal::kBareCr;
        if (c == '\0') return Refusal::kNul;
    }
    return otherwise;
}

bool parse_version(std::string_view text, Version& version) noexcept {
    if (text == "HTTP/1.1") {
        version = Version::kHttp11;
        return true;
    }
    version = Version::kHttp10;
    return text == "HTTP/1.0";
}

// The authority of "http://authority/path"; leaves the path, maybe empty, in `target`.
// Empty when the target is not in absolute-form.
std::string_view take_absolute_authority(std::string_view& target) noexcept {
    const auto scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return {};
    const std::string_view scheme = target.substr(0, scheme_end);
    if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) return {};
    const std::string_view rest = target.substr(scheme_end + 3);
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    target = rest.substr(end);
    return rest.substr(0, end);
}

}  // namespace

ParseStatus HeadLines::next(std::string_view bytes, std::string_view& line) noexcept {
    const auto lf = bytes.find('\n', looked_);
    const std::size_t end = lf == std::string_view::npos ? bytes.size() : lf + 1;
    if (too_long(end)) return ParseStatus::kRefused;
    if (lf == std::string_view::npos) {
        looked_ = end;
        return ParseStatus::kNeedMore;
    }
    if (lf == line_start_ || bytes[lf - 1] != '\r') {
        refusal_ = Refusal::kBareCr;
        return ParseStatus::kRefused;
    }
    line = bytes.substr(line_start_, lf - 1 - line_start_);
    line_start_ = looked_ = end;
    return ParseStatus::kDone;
}

bool HeadLines::too_long(std::size_t end) noexcept {
    if (line_start_ == first_line_start_ && end - first_line_start_ > limits_.first_line) {
        refusal_ = Refusal::kRequestLineTooLong;
        return true;
    }
    if (end > limits_.head) {
        refusal_ = Refusal::kHeadTooLarge;
        return true;
    }
    return false;
}

Refusal parse_header_line(std::string_view line, HeaderField& field) noexcept {
    if (line.front() == ' ' || line.front() == '\t') return Refusal::kFolded;
    std::size_t colon = 0;
    while (colon < line.size() && is_of(line[colon], octet_class::kToken)) ++colon;
    if (colon == line.size() || line[colon] != ':') {
        const bool has_colon = line.find(':') != std::string_view::npos;
        return control_refusal(line,
                               has_colon ? Refusal::kHeaderName : Refusal::kHeaderWithoutColon);
    }
    if (colon == 0) return Refusal::kHeaderName;
    field.name = line.substr(0, colon);
    field.value = trimmed(line.substr(colon + 1));
    if (!all_of(field.value, octet_class::kValue)) {
        return control_refusal(field.value, Refusal::kHeaderValue);
    }
    field.id = header_id(field.name);
    return Refusal::kNone;
}

void RequestParser::reset() noexcept {
    lines_.reset();
    state_ = State::kFirstLine;
    refusal_ = Refusal::kNone;
    absolute_form_ = false;
    head_.headers.clear();
}

ParseStatus RequestParser::refuse(Refusal refusal) noexcept {
    refusal_ = refusal;
    return ParseStatus::kRefused;
}

ParseStatus RequestParser::parse(std::string_view bytes) noexcept {
    for (;;) {
        std::string_view line;
        const ParseStatus got = lines_.next(bytes, line);
        if (got == ParseStatus::kRefused) return refuse(lines_.refusal());
        if (got == ParseStatus::kNeedMore) return got;

        if (state_ != State::kHeaders) {
            // One empty line before the request is forgiven (RFC 9112 §2.2).
            if (line.empty() && state_ == State::kFirstLine) {
                state_ = State::kRequestLine;
                lines_.skip_first_line();
                continue;
            }
            state_ = State::kHeaders;
            const Refusal refusal = request_line(line);
            if (refusal != Refusal::kNone) return refuse(refusal);
            continue;
        }
        if (line.empty()) {
            const Refusal refusal = finish();
            return refusal == Refusal::kNone ? ParseStatus::kDone : refuse(refusal);
        }
        if (head_.headers.full()) return refuse(Refusal::kTooManyHeaders);
        HeaderField field;
        const Refusal refusal = parse_header_line(line, field);
        if (refusal != Refusal::kNone) return refuse(refusal);
        head_.headers.add(field);
    }
}

Refusal RequestParser::request_line(std::string_view line) noexcept {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return control_refusal(line, Refusal::kRequestLine);
    }
    head_.method_text = line.substr(0, first);
    if (head_.method_text.empty() || head_.method_text.size() > kMaxMethod ||
        !all_of(head_.method_text, octet_class::kToken)) {
        return control_refusal(line, Refusal::kMethod);
    }
    head_.method = method_from(head_.method_text);
    if (head_.method == Method::kConnect) return Refusal::kConnect;
    if (!parse_version(line.substr(last + 1), head_.version)) {
        return control_refusal(line, Refusal::kVersion);
    }

    head_.target = line.substr(first + 1, last - first - 1);
    if (head_.target.empty() || !all_of(head_.target, octet_class::kTarget)) {
        return control_refusal(line, Refusal::kTarget);
    }
    if (head_.target.front() == '/') return Refusal::kNone;
    if (head_.target == "*") {
        return head_.method == Method::kOptions ? Refusal::kNone : Refusal::kTarget;
    }
    head_.authority = take_absolute_authority(head_.target);
    absolute_form_ = true;
    return is_authority(head_.authority) ? Refusal::kNone : Refusal::kTarget;
}

Refusal RequestParser::finish() noexcept {
    const HeaderField* host = nullptr;
    for (const HeaderField& field : head_.headers.fields()) {
        if (field.id != HeaderId::kHost) continue;
        if (host != nullptr) return Refusal::kHostRepeated;
        host = &field;
    }
    if (host == nullptr) return Refusal::kHostMissing;
    if (!is_authority(host->value)) return Refusal::kHostInvalid;
    if (!absolute_form_) head_.authority = host->value;  // RFC 9112 §3.2.2
    return frame_request(head_);
}

void ResponseParser::reset() noexcept {
    lines_.reset();
    in_headers_ = false;
    refusal_ = Refusal::kNone;
    head_.headers.clear();
}

ParseStatus ResponseParser::refuse(Refusal refusal) noexcept {
    refusal_ = refusal;
    return ParseStatus::kRefused;
}

ParseStatus ResponseParser::parse(std::string_view bytes, Method request_method) noexcept {
    for (;;) {
        std::string_view line;
        const ParseStatus got = lines_.next(bytes, line);
        if (got == ParseStatus::kRefused) return refuse(lines_.refusal());
        if (got == ParseStatus::kNeedMore) return got;

        if (!in_headers_) {
            in_headers_ = true;
            const Refusal refusal = status_line(line);
            if (refusal != Refusal::kNone) return refuse(refusal);
            continue;
        }
        if (line.empty()) {
            const Refusal refusal = frame_response(head_, request_method);
            return refusal == Refusal::kNone ? ParseStatus::kDone : refuse(refusal);
        }
        if (head_.headers.full()) return refuse(Refusal::kTooManyHeaders);
        HeaderField field;
        const Refusal refusal = parse_header_line(line, field);
        if (refusal != Refusal::kNone) return refuse(refusal);
        head_.headers.add(field);
    }
}

Refusal ResponseParser::status_line(std::string_view line) noexcept {
    // "HTTP/1.1 200 OK"; the reason and the space before it may be missing.
    if (line.size() < 12 || line[8] != ' ') return Refusal::kStatusLine;
    if (!parse_version(line.substr(0, 8), head_.version)) return Refusal::kVersion;
    head_.status = 0;
    for (const char digit : line.substr(9, 3)) {
        if (digit < '0' || digit > '9') return Refusal::kStatusLine;
        head_.status = head_.status * 10 + (digit - '0');
    }
    if (head_.status < 100 || head_.status > 599) return Refusal::kStatusLine;
    if (line.size() > 12 && line[12] != ' ') return Refusal::kStatusLine;
    head_.reason = line.size() > 12 ? line.substr(13) : std::string_view{};
    return all_of(head_.reason, octet_class::kValue)
               ? Refusal::kNone
               : control_refusal(head_.reason, Refusal::kStatusLine);
}

}  // namespace hearth::proxy
