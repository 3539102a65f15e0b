#include "proxy/core/http2_translation.h"

#include <algorithm>
#include <utility>

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kTooMuch = 64 * 1024;  // who reads the head refuses it long before

bool stays_behind(HeaderId id) noexcept {
    switch (id) {
        case HeaderId::kConnection:
        case HeaderId::kHost:
        case HeaderId::kKeepAlive:
        case HeaderId::kProxyConnection:
        case HeaderId::kTe:
        case HeaderId::kTransferEncoding:
        case HeaderId::kUpgrade: return true;
        default: return false;
    }
}

}  // namespace

bool Http2RequestFields::read(std::string_view head, std::string_view scheme, As as) {
    text_ = head;
    parser_.reset();
    if (parser_.parse(text_) != ParseStatus::kDone) return false;
    const RequestHead& request = parser_.head();
    lower_.resize(text_.size());
    std::transform(text_.begin(), text_.end(), lower_.begin(), to_lower);
    fields_.clear();
    const bool is_tunnel = as == As::kTunnel;
    protocol_ = websocket_key_ = {};
    if (is_tunnel) {
        std::string_view protocols = request.upgrade;
        protocol_ = take_element(protocols);
        if (equals_ignoring_case(protocol_, "websocket")) protocol_ = "websocket";
        if (protocol_.empty()) return false;
        fields_.push_back({":method", "CONNECT"});
        fields_.push_back({":protocol", protocol_});
    } else {
        fields_.push_back({":method", request.method_text});
    }
    fields_.push_back({":scheme", scheme});
    fields_.push_back({":authority", request.authority});
    fields_.push_back({":path", request.target});
    for (const HeaderField& field : request.headers.fields()) {
        if (stays_behind(field.id)) continue;
        if (is_tunnel && equals_ignoring_case(field.name, "Sec-WebSocket-Key")) {
            websocket_key_ = field.value;
            continue;
        }
        const auto at = static_cast<std::size_t>(field.name.data() - text_.data());
        fields_.push_back({{lower_.data() + at, field.name.size()}, field.value});
    }
    // Servers of gRPC insist on hearing that trailers arrive, which they do with us.
    if (is_grpc(request.headers)) fields_.push_back({"te", "trailers"});
    return true;
}

void Http1ResponseText::add(std::string_view name, std::string_view value) {
    if (name == ":status") {
        status_ = value;
        return;
    }
    if (name.empty() || name.front() == ':' || lines_.size() > kTooMuch) return;
    has_length_ |= name == "content-length";
    if (name == "content-type" && is_grpc(value)) trailer_rule_ = TrailerRule::kMetadata;
    lines_.append(name).append(": ").append(value).append("\r\n");
}

void Http1ResponseText::open_tunnel(std::string_view protocol, std::string_view websocket_accept) {
    switched_ = "Connection: Upgrade\r\nUpgrade: ";
    switched_.append(protocol).append("\r\n");
    if (websocket_accept.empty()) return;
    switched_.append("Sec-WebSocket-Accept: ").append(websocket_accept).append("\r\n");
}

std::string Http1ResponseText::finish(Method request_method, StreamEnd end) {
    is_interim_ = status_.starts_with('1');
    is_tunnel_ = !switched_.empty() && status_.starts_with('2');
    if (is_tunnel_) {
        return "HTTP/1.1 101 Switching Protocols\r\n" + std::exchange(lines_, {}) + switched_ +
               "\r\n";
    }
    const bool has_body =
        !is_interim_ && request_method != Method::kHead && status_ != "204" && status_ != "304";
    is_chunked_ = has_body && !has_length_;
    std::string head = "HTTP/1.1 " + status_ + " \r\n" + lines_;
    if (is_chunked_) head += "Transfer-Encoding: chunked\r\n";
    head += "\r\n";
    if (is_chunked_ && end == StreamEnd::kEnded) head += "0\r\n\r\n";
    status_.clear();
    lines_.clear();
    has_length_ = false;
    return head;
}

}  // namespace hearth::proxy
