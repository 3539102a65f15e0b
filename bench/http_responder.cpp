// The upstream of the proxy benches: answers at once and costs little, so that it is never what
// limits. One thread, epoll, HTTP/1.1 with keep-alive.
//
//     bench-http-responder ADDRESS PORT
//
// GET /            1 KiB
// GET /bytes/N     N bytes
// anything with a body: it is read to its end, then answered with 1 KiB

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "bench/http_text.h"

namespace {

using namespace hearth::bench;

constexpr std::size_t kPiece = 256 << 10;
constexpr std::string_view kBytesPath = "/bytes/";

const std::string kBody(kPiece, 'x');

class Connection {
public:
    explicit Connection(int fd) noexcept : fd_(fd) {}
    ~Connection() { ::close(fd_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool wants_to_write() const noexcept { return !head_.empty() || body_left_ > 0; }

    // False when the connection is over.
    bool on_readable() {
        if (wants_to_write()) return true;
        if (request_body_left_ > 0) return discard_body();
        std::array<char, 16384> piece;
        const ssize_t n = ::recv(fd_, piece.data(), piece.size(), MSG_DONTWAIT);
        if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
        received_.append(piece.data(), static_cast<std::size_t>(n));
        return take_request();
    }

    bool on_writable() {
        while (wants_to_write()) {
            const std::string_view piece =
                !head_.empty() ? std::string_view(head_)
                               : std::string_view(kBody).substr(
                                     0, std::min<std::uint64_t>(body_left_, kPiece));
            const int more = !head_.empty() && body_left_ > 0 ? MSG_MORE : 0;
            const ssize_t n =
                ::send(fd_, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL | more);
            if (n < 0) return errno == EAGAIN || errno == EINTR;
            if (!head_.empty())
                head_.erase(0, static_cast<std::size_t>(n));
            else
                body_left_ -= static_cast<std::uint64_t>(n);
        }
        return !close_after_;
    }

private:
    bool discard_body() {
        // MSG_TRUNC: the kernel throws the bytes away.
        const ssize_t n = ::recv(fd_, nullptr, std::min<std::uint64_t>(request_body_left_, 1 << 20),
                                 MSG_DONTWAIT | MSG_TRUNC);
        if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
        request_body_left_ -= static_cast<std::uint64_t>(n);
        return request_body_left_ > 0 || respond();
    }

    bool take_request() {
        const auto head = head_size(received_);
        if (!head) return received_.size() < 65536;
        const std::string_view text = std::string_view(received_).substr(0, *head);
        const std::string_view target = text.substr(text.find(' ') + 1);
        size_ = target.starts_with(kBytesPath)
                    ? std::strtoull(target.data() + kBytesPath.size(), nullptr, 10)
                    : 1024;
        close_after_ = text.find("onnection: close") != std::string_view::npos;
        const std::uint64_t body = content_length(text);
        const std::uint64_t here = std::min<std::uint64_t>(body, received_.size() - *head);
        received_.erase(0, *head + here);
        request_body_left_ = body - here;
        return request_body_left_ > 0 || respond();
    }

    bool respond() {
        head_ = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                std::to_string(size_) + "\r\n\r\n";
        body_left_ = size_;
        if (size_ <= 1024) {  // one segment, one call
            head_ += std::string_view(kBody).substr(0, size_);
            body_left_ = 0;
        }
        return on_writable();
    }

    int fd_;
    std::string received_;
    std::string head_;
    std::uint64_t body_left_ = 0;
    std::uint64_t request_body_left_ = 0;
    std::uint64_t size_ = 1024;
    bool close_after_ = false;
};

class Responder {
public:
    explicit Responder(int listener) : listener_(listener), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = nullptr;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 256> events;
        while (true) {
            const int count =
                ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < count; ++i) {
                auto* connection =
                    static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
                if (connection == nullptr)
                    accept_all();
                else
                    serve(connection, events[static_cast<std::size_t>(i)].events);
            }
        }
    }

private:
    void accept_all() {
        while (true) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            watch(new Connection(fd), EPOLL_CTL_ADD);
        }
    }

    void watch(Connection* connection, int operation) const {
        epoll_event event{};
        event.events = connection->wants_to_write() ? EPOLLOUT : EPOLLIN;
        event.data.ptr = connection;
        ::epoll_ctl(epoll_, operation, connection->fd(), &event);
    }

    void serve(Connection* connection, std::uint32_t events) const {
        const bool wrote = connection->wants_to_write();
        const bool alive =
            (events & EPOLLOUT) != 0 ? connection->on_writable() : connection->on_readable();
        if (!alive) {
            delete connection;
            return;
        }
        if (wrote != connection->wants_to_write()) watch(connection, EPOLL_CTL_MOD);
    }

    int listener_;
    int epoll_;
};

}  // namespace

int main(int argc, char** argv) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    if (argc != 3 || ::inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
        std::fputs("usage: bench-http-responder ADDRESS PORT\n", stderr);
        return 2;
    }
    at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(listener, 4096) != 0) {
        std::perror("bench-http-responder");
        return 1;
    }
    Responder(listener).run();
}
