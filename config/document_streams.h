#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip.h"

// Services whose octets the proxy passes on as they are (tls, tcp and udp upstreams); part of
// config/document.h.
namespace hearth::config {

// Where clients of a tcp or udp service come to: a port of the proxy's addresses, or one address.
struct StreamListen {
    std::optional<IpAddress> address;
    std::uint16_t port = 0;
};

struct StreamSettings {
    std::vector<StreamListen> listen;
    std::chrono::seconds idle_timeout{0};  // 0: an hour, or a minute for udp
    std::size_t max_connections = 0;       // at a time, or clients of udp; 0: 4096
};

}  // namespace hearth::config
