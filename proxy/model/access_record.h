#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/model/hop_error.h"
#include "proxy/model/message.h"
#include "proxy/model/trace.h"

namespace hearth::proxy {

// Text of bounded size without allocation; what does not fit is cut off.
template <std::size_t Capacity>
class ShortText {
public:
    void assign(std::string_view text) noexcept {
        size_ = static_cast<std::uint16_t>(std::min(text.size(), Capacity));
        std::copy_n(text.begin(), size_, text_.begin());
    }
    void clear() noexcept { size_ = 0; }
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

private:
    std::uint16_t size_ = 0;
    std::array<char, Capacity> text_;  // octets past size_ are never read
};

// One exchange as the access log tells it.
struct AccessRecord {
    IpAddress client;
    TraceId trace;  // not set: nobody asked for it yet
    Method method = Method::kOther;
    ShortText<24> method_text;
    Version version = Version::kHttp11;
    ShortText<128> host;
    ShortText<512> target;
    ShortText<256> referer;
    ShortText<256> user_agent;
    std::string_view service;          // lives as long as the snapshot the exchange holds
    Endpoint upstream;                 // port 0: none was asked
    std::string_view upstream_socket;  // its path, when it is one; lives as long
    int status = 0;                    // 0: the client got no answer
    HopError error;
    std::uint64_t request_octets = 0;  // of the bodies
    std::uint64_t response_octets = 0;
    TimePoint began{};
    Duration duration{};

    // Whom it asked, as text; empty: nobody.
    [[nodiscard]] std::string upstream_text() const {
        if (!upstream_socket.empty()) return "unix:" + std::string(upstream_socket);
        return upstream.port != 0 ? upstream.to_string() : std::string{};
    }
};

}  // namespace hearth::proxy
