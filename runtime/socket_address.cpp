#include "runtime/socket_address.h"

#include <cerrno>
#include <cstring>

namespace hearth::runtime {

SocketAddress to_socket_address(const Endpoint& endpoint, std::uint32_t scope) noexcept {
    SocketAddress out{};
    const auto octets = endpoint.address.bytes();
    if (endpoint.address.is_v4()) {
        out.v4.sin_family = AF_INET;
        out.v4.sin_port = htons(endpoint.port);
        std::memcpy(&out.v4.sin_addr, octets.data(), octets.size());
        out.size = sizeof(out.v4);
    } else {
        out.v6 = {};
        out.v6.sin6_family = AF_INET6;
        out.v6.sin6_port = htons(endpoint.port);
        std::memcpy(&out.v6.sin6_addr, octets.data(), octets.size());
        if (endpoint.address.is_link_local()) out.v6.sin6_scope_id = scope;
        out.size = sizeof(out.v6);
    }
    return out;
}

Endpoint from_socket_address(const sockaddr& address) noexcept {
    if (address.sa_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        return {IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    }
    if (address.sa_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        return {IpAddress::from_bytes({v6.sin6_addr.s6_addr, 16}), ntohs(v6.sin6_port)};
    }
    return {};
}

Endpoint local_endpoint(int fd) noexcept {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return from_socket_address(reinterpret_cast<const sockaddr&>(storage));
}

Error listen_error(const Endpoint& local, const std::string& protocol, int errnum) {
    const std::string where = local.to_string() + "/" + protocol;
    if (errnum == EADDRINUSE) {
        return {Errc::kConflict, where,
                "another program listens there; `ss -lnp 'sport = :" + std::to_string(local.port) +
                    "'` names it. Stop it, or give this daemon another address with `listen`"};
    }
    if (errnum == EACCES || errnum == EPERM) {
        return {Errc::kRefused, where,
                "no permission to listen there; ports below 1024 need CAP_NET_BIND_SERVICE"};
    }
    if (errnum == EADDRNOTAVAIL) {
        return {Errc::kUnavailable, where, "this machine cannot take that address"};
    }
    return Error::from_errno(where, errnum);
}

bool set_option(int fd, int level, int name, int value) noexcept {
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

}  // namespace hearth::runtime
