#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace hearth::dns {

// A request of HTTP/1.1 as far as DNS over HTTPS needs it.
struct Http1Request {
    std::string method;
    std::string path;
    std::string content_type;
    bool keep_alive = true;
    bool expects_continue = false;
    std::vector<std::uint8_t> body;
};

// Reads requests one after the other, octets cut anywhere (RFC 9112). Bodies by Content-Length
// only: a DNS message's length is known. What is ambiguous is refused, so that no proxy in
// front can understand another request than we do.
class Http1Reader {
public:
    enum class State : std::uint8_t { kNeedMore, kComplete, kBad };

    // Takes octets from the front up to the end of one request. After kComplete, next() begins
    // another; after kBad, status() says why and the connection is to be closed.
    [[nodiscard]] State feed(ByteView& octets);
    void next();

    [[nodiscard]] const Http1Request& request() const noexcept { return request_; }
    [[nodiscard]] int status() const noexcept { return status_; }
    // The head is there and the client waits for "100 Continue" before its body.
    [[nodiscard]] bool wants_continue() const noexcept {
        return in_body_ && request_.expects_continue && request_.body.empty();
    }

    static constexpr std::size_t kMaxHead = 96U << 10;  // a GET carries up to 64 KiB as base64

private:
    [[nodiscard]] State bad(int status) noexcept;
    [[nodiscard]] bool take_line(ByteView& octets);
    [[nodiscard]] int read_request_line();
    [[nodiscard]] int read_field();
    [[nodiscard]] State end_of_head();

    Http1Request request_;
    std::string line_;
    std::size_t head_size_ = 0;
    std::size_t body_size_ = 0;
    int status_ = 0;
    bool has_request_line_ = false;
    bool has_length_ = false;
    bool has_host_ = false;
    bool is_http10_ = false;
    bool in_body_ = false;
};

// The head of an answer with a body of `size` octets; `type` empty: no body.
struct Http1Answer {
    int status = 200;
    std::string_view type;
    std::size_t size = 0;
    std::uint32_t max_age = 0;
    bool keep_alive = true;
};
[[nodiscard]] std::string write_http1_head(const Http1Answer& answer);

}  // namespace hearth::dns
