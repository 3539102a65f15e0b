#include "dns/core/http1_request.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "dns/model/protocol.h"

namespace hearth::dns {
namespace {

constexpr int kGood = 0;
constexpr int kBadRequest = 400;
constexpr int kLengthRequired = 411;
constexpr int kContentTooLarge = 413;
constexpr int kFieldsTooLarge = 431;
constexpr int kNotImplemented = 501;
constexpr int kVersionNotSupported = 505;

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_token(std::string_view text) noexcept {
    static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
               kMarks.find(c) != std::string_view::npos;
    });
}

bool is_visible(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// True when the comma-separated list has the token.
bool lists(std::string_view list, std::string_view token) noexcept {
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        if (equals_ignoring_case(trim(list.substr(0, end)), token)) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

std::string_view phrase(int status) noexcept {
    switch (status) {
        case 200: return "OK";
        case 400: return "Bad Request";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 411: return "Length Required";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 431: return "Request Header Fields Too Large";
        case 501: return "Not Implemented";
        case 503: return "Service Unavailable";
        case 505: return "HTTP Version Not Supported";
        default: return "Error";
    }
}

}  // namespace

Http1Reader::State Http1Reader::bad(int status) noexcept {
    status_ = status;
    return State::kBad;
}

// Appends up to the end of a line to line_; true when it is whole.
bool Http1Reader::take_line(ByteView& octets) {
    const auto end = std::find(octets.begin(), octets.end(), '\n');
    const bool whole = end != octets.end();
    const auto count = static_cast<std::size_t>(end - octets.begin()) + (whole ? 1 : 0);
    line_.append(as_text(octets.first(count)));
    head_size_ += count;
    octets = octets.subspan(count);
    return whole;
}

Http1Reader::State Http1Reader::feed(ByteView& octets) {
    while (!in_body_) {
        const bool whole = take_line(octets);
        if (head_size_ > kMaxHead) return bad(kFieldsTooLarge);
        if (!whole) return State::kNeedMore;
        if (line_.size() < 2 || line_[line_.size() - 2] != '\r') return bad(kBadRequest);
        line_.resize(line_.size() - 2);
        if (line_.empty()) {
            if (!has_request_line_) continue;  // RFC 9112 §2.2: a stray one in front
            if (const State state = end_of_head(); state != State::kNeedMore) return state;
            break;
        }
        const int status = has_request_line_ ? read_field() : read_request_line();
        if (status != kGood) return bad(status);
        line_.clear();
    }
    const std::size_t count = std::min(octets.size(), body_size_ - request_.body.size());
    request_.body.insert(request_.body.end(), octets.begin(),
                         octets.begin() + static_cast<std::ptrdiff_t>(count));
    octets = octets.subspan(count);
    return request_.body.size() == body_size_ ? State::kComplete : State::kNeedMore;
}

int Http1Reader::read_request_line() {
    const std::string_view line = line_;
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return kBadRequest;
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(line.substr(0, first)) || !target.starts_with('/') || !is_visible(target))
        return kBadRequest;
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return version.starts_with("HTTP/") ? kVersionNotSupported : kBadRequest;
    is_http10_ = version == "HTTP/1.0";
    request_.keep_alive = !is_http10_;
    request_.method = line.substr(0, first);
    request_.path = target;
    has_request_line_ = true;
    return kGood;
}

int Http1Reader::read_field() {
    const std::string_view line = line_;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return kBadRequest;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (value.find('\0') != std::string_view::npos || value.find('\r') != std::string_view::npos)
        return kBadRequest;
    if (equals_ignoring_case(name, "transfer-encoding"))
        return lists(value, "chunked") ? kLengthRequired : kNotImplemented;
    if (equals_ignoring_case(name, "content-length")) {
        const char* const end = value.data() + value.size();
        const auto [at, error] = std::from_chars(value.data(), end, body_size_);
        if (std::exchange(has_length_, true) || error != std::errc{} || at != end)
            return kBadRequest;
        if (body_size_ > kMaxMessage) return kContentTooLarge;
    } else if (equals_ignoring_case(name, "host")) {
        if (std::exchange(has_host_, true)) return kBadRequest;
    } else if (equals_ignoring_case(name, "content-type")) {
        request_.content_type = value;
    } else if (equals_ignoring_case(name, "expect")) {
        request_.expects_continue = equals_ignoring_case(value, "100-continue");
    } else if (equals_ignoring_case(name, "connection")) {
        if (lists(value, "close")) request_.keep_alive = false;
    }
    return kGood;
}

Http1Reader::State Http1Reader::end_of_head() {
    line_.clear();
    if (!has_host_ && !is_http10_) return bad(kBadRequest);
    if (request_.method == "POST" && !has_length_) return bad(kLengthRequired);
    in_body_ = true;
    request_.body.reserve(body_size_);
    return State::kNeedMore;
}

void Http1Reader::next() { *this = Http1Reader(); }

std::string write_http1_head(const Http1Answer& answer) {
    std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " ";
    head += phrase(answer.status);
    head += "\r\nContent-Length: " + std::to_string(answer.size) + "\r\n";
    if (!answer.type.empty()) {
        head += "Content-Type: ";
        head += answer.type;
        head += "\r\nCache-Control: max-age=" + std::to_string(answer.max_age) + "\r\n";
    }
    if (answer.status == 405) head += "Allow: GET, POST\r\n";
    if (!answer.keep_alive) head += "Connection: close\r\n";
    head += "\r\n";
    return head;
}

}  // namespace hearth::dns
