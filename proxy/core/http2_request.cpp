#include "proxy/core/http2_request.h"

#include <algorithm>

#include "proxy/core/authority.h"
#include "proxy/core/body_framing.h"
#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kMaxMethod = 32;
constexpr std::size_t kFieldOverhead = 32;

// The nonce of an opening handshake (RFC 6455 §4.1) proves that the server speaks WebSocket and
// that no cache answered; HTTP/2 does both by other means, so any value will do.
constexpr std::string_view kWebSocketKey = "aGVhcnRoLXByb3h5LWgyIQ==";

bool is_field_name(std::string_view name) noexcept {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return is_of(c, octet_class::kToken) && !(c >= 'A' && c <= 'Z');
    });
}

Refusal value_refusal(std::string_view value) noexcept {
    if (all_of(value, octet_class::kValue)) return Refusal::kNone;
    for (const char c : value) {
        if (c == '\r' || c == '\n') return Refusal::kBareCr;
        if (c == '\0') return Refusal::kNul;
    }
    return Refusal::kHeaderValue;
}

// RFC 9113 §8.2.2.
bool belongs_to_connection(HeaderId id, std::string_view value) noexcept {
    switch (id) {
        case HeaderId::kConnection:
        case HeaderId::kKeepAlive:
        case HeaderId::kProxyConnection:
        case HeaderId::kTransferEncoding:
        case HeaderId::kUpgrade: return true;
        case HeaderId::kTe: return !equals_ignoring_case(value, "trailers");
        default: return false;
    }
}

}  // namespace

void Http2RequestHead::start(std::span<char> space) noexcept {
    space_ = space;
    used_ = octets_ = 0;
    refusal_ = Refusal::kNone;
    in_fields_ = false;
    scheme_ = protocol_ = {};
    cookie_ = nullptr;
    head_.version = Version::kHttp2;
    head_.method_text = head_.target = head_.authority = head_.upgrade = {};
    head_.headers.clear();
}

void Http2RequestHead::refuse(Refusal refusal) noexcept {
    if (refusal_ == Refusal::kNone) refusal_ = refusal;
}

std::string_view Http2RequestHead::store(std::string_view text) noexcept {
    if (space_.size() - used_ < text.size()) {
        refuse(Refusal::kHeadTooLarge);
        return {};
    }
    char* const begin = space_.data() + used_;
    std::copy(text.begin(), text.end(), begin);
    used_ += text.size();
    return {begin, text.size()};
}

void Http2RequestHead::add(std::string_view name, std::string_view value) noexcept {
    octets_ += name.size() + value.size() + kFieldOverhead;
    if (refusal_ != Refusal::kNone) return;
    if (octets_ > kMaxOctets) return refuse(Refusal::kHeadTooLarge);
    value = trimmed(value);
    if (const Refusal wrong = value_refusal(value); wrong != Refusal::kNone) return refuse(wrong);
    if (!name.empty() && name.front() == ':') {
        add_pseudo(name, value);
    } else {
        add_field(name, value);
    }
}

void Http2RequestHead::add_pseudo(std::string_view name, std::string_view value) noexcept {
    std::string_view* place = nullptr;
    if (name == ":method") place = &head_.method_text;
    if (name == ":path") place = &head_.target;
    if (name == ":authority") place = &head_.authority;
    if (name == ":scheme") place = &scheme_;
    if (name == ":protocol") place = &protocol_;
    if (place == nullptr || place->data() != nullptr || in_fields_ || value.empty())
        return refuse(Refusal::kPseudoHeader);
    if (name == ":path" && value.size() > kMaxTarget) return refuse(Refusal::kRequestLineTooLong);
    *place = store(value);
}

void Http2RequestHead::add_field(std::string_view name, std::string_view value) noexcept {
    in_fields_ = true;
    if (!is_field_name(name)) return refuse(Refusal::kHeaderName);
    const HeaderId id = header_id(name);
    if (belongs_to_connection(id, value)) return refuse(Refusal::kConnectionHeader);
    if (name == "cookie") return add_cookie(name, value);
    if (name == "sec-websocket-key" && protocol_.data() != nullptr) return;  // ours goes instead
    store_field(name, value, id);
}

void Http2RequestHead::store_field(std::string_view name, std::string_view value,
                                   HeaderId id) noexcept {
    if (head_.headers.full()) return refuse(Refusal::kTooManyHeaders);
    const std::string_view stored = store(name);
    head_.headers.add({stored, store(value), id});
}

// Browsers send each cookie as a field of its own; HTTP/1.1 has one (RFC 9113 §8.2.3).
void Http2RequestHead::add_cookie(std::string_view name, std::string_view value) noexcept {
    if (cookie_ == nullptr) {
        store_field(name, value, HeaderId::kOther);
        if (refusal_ == Refusal::kNone) cookie_ = head_.headers.last();
        return;
    }
    std::string_view& all = cookie_->value;
    if (all.data() + all.size() != space_.data() + used_) all = store(all);  // others came between
    const std::size_t before = all.size();
    (void)store("; ");
    (void)store(value);
    if (refusal_ == Refusal::kNone) all = {all.data(), before + 2 + value.size()};
}

Refusal Http2RequestHead::finish_target() noexcept {
    if (head_.method_text.empty() || scheme_.empty() || head_.target.empty())
        return head_.method_text == "CONNECT" ? Refusal::kConnect : Refusal::kPseudoHeader;
    if (head_.method_text.size() > kMaxMethod || !all_of(head_.method_text, octet_class::kToken))
        return Refusal::kMethod;
    head_.method = method_from(head_.method_text);
    if (scheme_ != "http" && scheme_ != "https") return Refusal::kPseudoHeader;
    if (!all_of(head_.target, octet_class::kTarget)) return Refusal::kTarget;
    if (head_.target.front() == '/') return Refusal::kNone;
    return head_.target == "*" && head_.method == Method::kOptions ? Refusal::kNone
                                                                   : Refusal::kTarget;
}

Refusal Http2RequestHead::finish_authority() noexcept {
    const HeaderField* host = nullptr;
    for (const HeaderField& field : head_.headers.fields()) {
        if (field.id != HeaderId::kHost) continue;
        if (host != nullptr) return Refusal::kHostRepeated;
        host = &field;
    }
    if (head_.authority.empty()) {
        if (host == nullptr) return Refusal::kHostMissing;
        head_.authority = host->value;
    } else if (host != nullptr && !equals_ignoring_case(host->value, head_.authority)) {
        return Refusal::kAuthorityDiffers;
    }
    return is_authority(head_.authority) ? Refusal::kNone : Refusal::kHostInvalid;
}

// An extended CONNECT (RFC 8441 §4) as the upgrade that HTTP/1.1 has for it.
void Http2RequestHead::finish_websocket() noexcept {
    head_.method = Method::kGet;
    head_.method_text = "GET";
    head_.upgrade = "websocket";
    if (head_.headers.full()) return refuse(Refusal::kTooManyHeaders);
    head_.headers.add({"Sec-WebSocket-Key", kWebSocketKey, HeaderId::kOther});
}

Refusal Http2RequestHead::finish(StreamEnd end) noexcept {
    if (refusal_ != Refusal::kNone) return refusal_;
    if (const Refusal wrong = finish_target(); wrong != Refusal::kNone) return wrong;
    if (const Refusal wrong = finish_authority(); wrong != Refusal::kNone) return wrong;
    if (const Refusal wrong = frame_request(head_); wrong != Refusal::kNone) return wrong;
    const bool has_length = head_.headers.find(HeaderId::kContentLength) != nullptr;
    if (end == StreamEnd::kEnded) {
        if (head_.body.kind != BodyKind::kNone) return Refusal::kContentLength;
    } else if (!has_length && head_.method != Method::kConnect) {
        head_.body = {BodyKind::kChunked, 0};
        head_.expects_continue = head_.headers.find(HeaderId::kExpect) != nullptr;
    }
    const bool is_websocket = protocol_ == "websocket" && head_.method == Method::kConnect &&
                              end == StreamEnd::kOpen && !has_length;
    if (is_websocket) {
        finish_websocket();
        return refusal_;
    }
    if (protocol_.data() != nullptr) return Refusal::kPseudoHeader;
    return head_.method == Method::kConnect ? Refusal::kConnect : Refusal::kNone;
}

}  // namespace hearth::proxy
