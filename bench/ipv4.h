#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/ip.h"

namespace hearth::bench {

[[nodiscard]] inline sockaddr_in to_socket_address(const Endpoint& endpoint) noexcept {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    address.sin_addr.s_addr = htonl(endpoint.address.v4_value());
    return address;
}

}  // namespace hearth::bench
