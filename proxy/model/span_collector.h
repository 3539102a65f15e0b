#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip.h"
#include "proxy/model/service.h"

namespace hearth::proxy {

// Where spans are sent; an empty text: nowhere.
struct SpanCollector {
    std::string text;
    std::string host;  // to be resolved when `address` is empty
    std::optional<IpAddress> address;
    std::uint16_t port = 0;
    std::string path;
    std::optional<UpstreamSecurity> security{};  // none: plain HTTP

    friend bool operator==(const SpanCollector&, const SpanCollector&) = default;
};

}  // namespace hearth::proxy
