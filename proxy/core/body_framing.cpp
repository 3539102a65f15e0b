#include "proxy/core/body_framing.h"

#include <limits>

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

// 1*DIGIT, nothing else; leading zeros are harmless. At most 2^63-1.
bool parse_length(std::string_view text, std::uint64_t& length) noexcept {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    if (text.empty()) return false;
    length = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (length > (kMax - digit) / 10) return false;
        length = length * 10 + digit;
    }
    return true;
}

// What Content-Length, Transfer-Encoding and Connection say together.
struct Framing {
    BodyFraming body;
    bool has_length = false;
    bool chunked = false;
    bool close = false;
    bool keep_alive = false;
    bool upgrade = false;
};

void read_connection(std::string_view list, Framing& framing) noexcept {
    for (auto token = take_element(list); !token.empty(); token = take_element(list)) {
        framing.close |= equals_ignoring_case(token, "close");
        framing.keep_alive |= equals_ignoring_case(token, "keep-alive");
        framing.upgrade |= equals_ignoring_case(token, "upgrade");
    }
}

Refusal read_framing(const HeaderTable& headers, Version version, Framing& framing) noexcept {
    for (const HeaderField& field : headers.fields()) {
        if (field.id == HeaderId::kContentLength) {
            if (framing.has_length) return Refusal::kContentLengthRepeated;
            framing.has_length = true;
            framing.body.kind = BodyKind::kLength;
            if (!parse_length(field.value, framing.body.length)) return Refusal::kContentLength;
        } else if (field.id == HeaderId::kTransferEncoding) {
            if (framing.chunked || !equals_ignoring_case(field.value, "chunked")) {
                return Refusal::kTransferCoding;
            }
            if (version == Version::kHttp10) return Refusal::kTransferCodingInHttp10;
            framing.chunked = true;
        } else if (field.id == HeaderId::kConnection) {
            read_connection(field.value, framing);
        }
    }
    if (framing.chunked) {
        if (framing.has_length) return Refusal::kLengthAndCoding;
        framing.body = {BodyKind::kChunked, 0};
    }
    if (framing.body == BodyFraming{BodyKind::kLength, 0}) framing.body.kind = BodyKind::kNone;
    return Refusal::kNone;
}

bool stays_open(Version version, const Framing& framing) noexcept {
    if (framing.close) return false;
    return version != Version::kHttp10 || framing.keep_alive;
}

// Protocols a service may switch to. h2c and TLS would carry requests past us unseen.
bool may_switch_to(std::string_view protocols) noexcept {
    for (auto name = take_element(protocols); !name.empty(); name = take_element(protocols)) {
        const std::string_view base = name.substr(0, name.find('/'));
        for (const std::string_view hidden : {"h2", "h2c", "http", "tls"}) {
            if (equals_ignoring_case(base, hidden)) return false;
        }
    }
    return true;
}

bool has_no_body(int status, Method request_method) noexcept {
    return request_method == Method::kHead || status < 200 || status == 204 || status == 304;
}

}  // namespace

bool list_has(std::string_view list, std::string_view token) noexcept {
    for (auto element = take_element(list); !element.empty(); element = take_element(list)) {
        if (equals_ignoring_case(element, token)) return true;
    }
    return false;
}

Refusal frame_request(RequestHead& head) noexcept {
    Framing framing;
    const Refusal refusal = read_framing(head.headers, head.version, framing);
    if (refusal != Refusal::kNone) return refusal;
    head.body = framing.body;
    head.keep_alive = stays_open(head.version, framing);

    head.expects_continue = false;
    if (const HeaderField* expect = head.headers.find(HeaderId::kExpect)) {
        if (!equals_ignoring_case(expect->value, "100-continue")) return Refusal::kExpectation;
        head.expects_continue =
            head.version != Version::kHttp10 && head.body.kind != BodyKind::kNone;
    }

    head.upgrade = {};
    if (framing.upgrade && head.version == Version::kHttp11 && head.body.kind == BodyKind::kNone) {
        const HeaderField* upgrade = head.headers.find(HeaderId::kUpgrade);
        if (upgrade != nullptr && may_switch_to(upgrade->value)) head.upgrade = upgrade->value;
    }
    return Refusal::kNone;
}

Refusal frame_response(ResponseHead& head, Method request_method) noexcept {
    Framing framing;
    const Refusal refusal = read_framing(head.headers, head.version, framing);
    if (refusal != Refusal::kNone) return refusal;
    head.keep_alive = stays_open(head.version, framing);
    if (has_no_body(head.status, request_method)) {
        head.body = {};
    } else if (framing.has_length || framing.chunked) {
        head.body = framing.body;
    } else {
        head.body = {BodyKind::kUntilClose, 0};
        head.keep_alive = false;
    }
    return Refusal::kNone;
}

}  // namespace hearth::proxy
