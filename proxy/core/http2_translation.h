#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/core/http1_parser.h"
#include "proxy/core/http2_request.h"
#include "proxy/core/http2_response.h"
#include "proxy/core/trailers.h"

// An upstream that speaks HTTP/2, as the HTTP/1.1 that an exchange speaks (RFC 9113 §8).
namespace hearth::proxy {

// A request head that write_request_head() wrote, as fields.
class Http2RequestFields {
public:
    // As a tunnel (RFC 8441 §4) a request to switch protocols becomes an extended CONNECT.
    enum class As : std::uint8_t { kRequest, kTunnel };
    // False for what is not such a head.
    [[nodiscard]] bool read(std::string_view head, std::string_view scheme, As as = As::kRequest);

    // Views into this object.
    [[nodiscard]] const std::vector<Http2Field>& all() const noexcept { return fields_; }
    [[nodiscard]] BodyFraming body() const noexcept { return parser_.head().body; }
    [[nodiscard]] Method method() const noexcept { return parser_.head().method; }
    // Of a tunnel: what it asked to switch to, and a WebSocket's key.
    [[nodiscard]] std::string_view protocol() const noexcept { return protocol_; }
    [[nodiscard]] std::string_view websocket_key() const noexcept { return websocket_key_; }

private:
    std::string text_;
    std::string lower_;
    std::string_view protocol_;
    std::string_view websocket_key_;
    RequestParser parser_{{32 * 1024, 64 * 1024}};
    std::vector<Http2Field> fields_;
};

// The fields of an answer as a head of HTTP/1.1, and the framing its body gets there.
class Http1ResponseText {
public:
    void add(std::string_view name, std::string_view value);
    // The request was one for a tunnel: 2xx is 101 then, with what HTTP/1.1 wants to see there. The
    // latter is a WebSocket's answer to its key, else empty (RFC 6455 §4.2.2).
    void open_tunnel(std::string_view protocol, std::string_view websocket_accept);
    // Takes what was added. An interim head leaves the object ready for the next.
    [[nodiscard]] std::string finish(Method request_method, StreamEnd end);

    // After finish().
    [[nodiscard]] bool is_interim() const noexcept { return is_interim_; }
    [[nodiscard]] bool is_chunked() const noexcept { return is_chunked_; }
    [[nodiscard]] bool is_tunnel() const noexcept { return is_tunnel_; }
    [[nodiscard]] TrailerRule trailer_rule() const noexcept { return trailer_rule_; }

private:
    std::string status_;
    std::string lines_;
    std::string switched_;  // lines of a tunnel's head; empty: none was asked for
    bool has_length_ = false;
    bool is_interim_ = false;
    bool is_chunked_ = false;
    bool is_tunnel_ = false;
    TrailerRule trailer_rule_ = TrailerRule::kResults;
};

}  // namespace hearth::proxy
