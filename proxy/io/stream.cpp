#include "proxy/io/stream.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/socket_address.h"

namespace hearth::proxy {

namespace {

HopReason connect_reason(int errnum) noexcept {
    switch (errnum) {
        case 0:
        case EINPROGRESS: return HopReason::kNone;
        case ECONNREFUSED: return HopReason::kConnectRefused;
        case ETIMEDOUT: return HopReason::kConnectTimeout;
        case ECONNRESET: return HopReason::kReset;
        default: return HopReason::kUnreachable;
    }
}

constexpr std::size_t kMostJoined = 2048;

// send() where it will do: sendmsg costs more than to join a few octets.
ssize_t send_parts(int fd, const Outgoing& out) noexcept {
    const auto parts = out.parts();
    if (parts.size() == 1) return ::send(fd, parts[0].data(), parts[0].size(), MSG_NOSIGNAL);
    if (out.size() <= kMostJoined) {
        std::array<char, kMostJoined> joined;
        char* end = joined.data();
        for (const std::string_view part : parts) end = std::copy(part.begin(), part.end(), end);
        return ::send(fd, joined.data(), static_cast<std::size_t>(end - joined.data()),
                      MSG_NOSIGNAL);
    }
    std::array<iovec, Outgoing::kParts> vectors;
    std::size_t count = 0;
    for (const std::string_view part : parts) {
        vectors[count++] = {const_cast<char*>(part.data()), part.size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

Stream Stream::connect_to(const Endpoint& endpoint, HopReason& why) noexcept {
    const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
    Stream stream(
        runtime::FileDescriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    if (!stream.is_open()) {
        why = HopReason::kUnreachable;
        return stream;
    }
    runtime::set_option(stream.fd(), IPPROTO_TCP, TCP_NODELAY, 1);
    hold_back(stream.fd());
    const auto address = runtime::to_socket_address(endpoint);
    const int done = ::connect(stream.fd(), &address.any, address.size);
    why = connect_reason(done == 0 ? 0 : errno);
    if (why != HopReason::kNone) stream.close();
    stream.writable_ = done == 0;
    return stream;
}

Stream Stream::connect_to(std::string_view path, HopReason& why) noexcept {
    Stream stream(
        runtime::FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    sockaddr_un address{};
    if (!stream.is_open() || path.size() >= sizeof(address.sun_path)) {
        why = HopReason::kUnreachable;
        return stream;
    }
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    // A Unix socket connects at once, or its queue is full (EAGAIN).
    const int done = ::connect(stream.fd(), any, sizeof(address));
    why = connect_reason(done == 0 ? 0 : errno);
    if (why != HopReason::kNone) stream.close();
    stream.writable_ = done == 0;
    return stream;
}

HopReason Stream::connect_result() const noexcept {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return connect_reason(error);
}

void Stream::note(std::uint32_t events) noexcept {
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        readable_ = true;
        if (tls_) tls_->note_arrival();
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
    if (tls_ && (events & EPOLLOUT) != 0) readable_ = true;  // TLS may have to write to read on
    if ((events & EPOLLRDHUP) != 0) peer_ended_ = true;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) broken_ = true;
}

IoResult Stream::handshake() noexcept {
    const IoResult done = tls_->handshake();
    if (done.status == IoStatus::kWouldBlock) readable_ = false;
    return done;
}

IoResult Stream::read_secure(std::span<char> room) noexcept {
    const IoResult got = tls_->read(room);
    if (got.status == IoStatus::kWouldBlock || (tls_->is_drained() && !peer_ended_ && !broken_))
        readable_ = false;
    return got;
}

IoResult Stream::peek(std::span<char> room) noexcept {
    const ssize_t got = ::recv(fd_.get(), room.data(), room.size(), MSG_PEEK);
    if (got > 0) return {IoStatus::kMoved, static_cast<std::size_t>(got)};
    if (got == 0) return {IoStatus::kEnd, 0};
    if (errno != EAGAIN && errno != EINTR) return {IoStatus::kFailed, 0};
    readable_ = errno == EINTR;
    return {IoStatus::kWouldBlock, 0};
}

void Stream::skip(std::size_t octets) noexcept {
    // MSG_TRUNC: a TCP socket drops them without a copy (tcp(7)).
    (void)::recv(fd_.get(), nullptr, octets, MSG_TRUNC);
}

IoResult Stream::read(std::span<char> room) noexcept {
    if (tls_) return read_secure(room);
    const ssize_t got = ::recv(fd_.get(), room.data(), room.size(), 0);
    if (got > 0) {
        const auto octets = static_cast<std::size_t>(got);
        // Less than asked for: the kernel has no more, and will say so when it has.
        if (octets < room.size() && !peer_ended_ && !broken_) readable_ = false;
        return {IoStatus::kMoved, octets};
    }
    if (got == 0) return {IoStatus::kEnd, 0};
    if (errno == EAGAIN || errno == EINTR) {
        readable_ = errno == EINTR;
        return {IoStatus::kWouldBlock, 0};
    }
    error_ = errno;
    return {IoStatus::kFailed, 0};
}

HopReason Stream::failure() const noexcept {
    switch (tls_ ? tls_->socket_error() : error_) {
        case ETIMEDOUT: return HopReason::kResponseTimeout;
        case EHOSTUNREACH:
        case ENETUNREACH: return HopReason::kUnreachable;
        default: return HopReason::kReset;
    }
}

IoResult Stream::write(const Outgoing& out) noexcept {
    if (tls_) {
        const IoResult sent = tls_->write(out);
        if (sent.status == IoStatus::kWouldBlock) writable_ = false;
        return sent;
    }
    const ssize_t sent = send_parts(fd_.get(), out);
    if (sent >= 0) {
        const auto octets = static_cast<std::size_t>(sent);
        if (octets < out.size()) writable_ = false;
        return {IoStatus::kMoved, octets};
    }
    if (errno == EAGAIN || errno == EINTR) {
        writable_ = errno == EINTR;
        return {IoStatus::kWouldBlock, 0};
    }
    return {IoStatus::kFailed, 0};
}

void Stream::end_writing() noexcept {
    if (tls_) tls_->end_writing();
    ::shutdown(fd_.get(), SHUT_WR);
}

void Stream::close() noexcept {
    if (tls_ && !aborting_ && !broken_) tls_->end_writing();
    tls_.reset();
    fd_.reset();
}

void Stream::hold_back(int fd) noexcept {
    constexpr int kUnsent = 512 * 1024;  // with a fourth of it big bodies cost a tenth more
    runtime::set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsent);
}

void Stream::watch_peer() noexcept {
    constexpr int kSeconds = 15;
    constexpr int kProbes = 4;
    runtime::set_option(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    runtime::set_option(fd_.get(), IPPROTO_TCP, TCP_KEEPIDLE, kSeconds);
    runtime::set_option(fd_.get(), IPPROTO_TCP, TCP_KEEPINTVL, kSeconds);
    runtime::set_option(fd_.get(), IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

void Stream::expect_peer() noexcept {
    constexpr int kMilliseconds = 60'000;
    watch_peer();
    runtime::set_option(fd_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, kMilliseconds);
}

void Stream::abort_on_close() noexcept {
    aborting_ = true;
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

bool Stream::is_quiet() const noexcept {
    if (readable_ || peer_ended_ || broken_) return false;
    char octet = 0;
    return ::recv(fd_.get(), &octet, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

}  // namespace hearth::proxy
