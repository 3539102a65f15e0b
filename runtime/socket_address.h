#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip.h"
#include "base/result.h"

// Addresses in the kernel's form, for the floors that make system calls.
namespace hearth::runtime {

struct SocketAddress {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    };
    socklen_t size;
};

// `scope` is the interface of a link-local IPv6 address.
[[nodiscard]] SocketAddress to_socket_address(const Endpoint& endpoint,
                                              std::uint32_t scope = 0) noexcept;

// 0.0.0.0:0 for families that are not IP. An IPv4-mapped address comes back as IPv4.
[[nodiscard]] Endpoint from_socket_address(const sockaddr& address) noexcept;

// The address a socket is bound to.
[[nodiscard]] Endpoint local_endpoint(int fd) noexcept;

// What bind(2) or listen(2) said about `local`, with what to do about it. `protocol` is "tcp" or
// "udp".
[[nodiscard]] Error listen_error(const Endpoint& local, const std::string& protocol, int errnum);

// setsockopt of an int; errors are the caller's to ignore or report.
bool set_option(int fd, int level, int name, int value) noexcept;

}  // namespace hearth::runtime
