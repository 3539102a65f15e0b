#include "cli/socket.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hearth::cli {
namespace {

socklen_t fill(sockaddr_storage& storage, const Endpoint& peer) {
    const auto octets = peer.address.bytes();
    if (peer.address.is_v4()) {
        auto& in = reinterpret_cast<sockaddr_in&>(storage);
        in.sin_family = AF_INET;
        in.sin_port = htons(peer.port);
        std::memcpy(&in.sin_addr, octets.data(), octets.size());
        return sizeof in;
    }
    auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(peer.port);
    std::memcpy(&in6.sin6_addr, octets.data(), octets.size());
    return sizeof in6;
}

}  // namespace

Result<Socket> Socket::connect(const Endpoint& peer, int type, TimePoint deadline) {
    sockaddr_storage storage{};
    const auto size = fill(storage, peer);
    Socket socket(::socket(storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                  peer.to_string());
    if (socket.fd_ < 0) return fail(socket.error_of(errno));
    if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&storage), size) == 0)
        return socket;
    if (errno != EINPROGRESS) return fail(socket.error_of(errno));
    if (auto ready = socket.wait(POLLOUT, deadline); !ready) return fail(ready.error());
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(socket.fd_, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return fail(socket.error_of(error));
    return socket;
}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), where_(std::move(other.where_)) {}

Socket::~Socket() {
    if (fd_ >= 0) close(fd_);
}

Result<void> Socket::send(ByteView octets) {
    if (::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(octets.size()))
        return fail(error_of(errno));
    return {};
}

Result<std::size_t> Socket::receive(ByteSpan buffer, TimePoint deadline) {
    while (true) {
        const auto size = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (size >= 0) return static_cast<std::size_t>(size);
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail(error_of(errno));
        if (auto ready = wait(POLLIN, deadline); !ready) return fail(ready.error());
    }
}

Result<void> Socket::wait(short events, TimePoint deadline) const {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd ready{fd_, events, 0};
        const int count = left.count() > 0 ? poll(&ready, 1, static_cast<int>(left.count())) : 0;
        if (count > 0) return {};
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(error_of(errno));
        return fail(Errc::kTimeout, where_, "no answer in time");
    }
}

Error Socket::error_of(int number) const {
    if (number == ECONNREFUSED) return {Errc::kUnavailable, where_, "nothing listens there"};
    return Error::from_errno(where_, number);
}

}  // namespace hearth::cli
