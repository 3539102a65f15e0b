// Passes TCP connections on and keeps every octet back for a while, each way: a wire as long as
// one over Wi-Fi, where the kernel has no netem.
//
//     bench-delay-relay --listen 10.0.0.5:443 --to 10.0.0.1:443 --delay-ms 5

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "bench/ipv4.h"

namespace {

using namespace hearth;
using namespace hearth::bench;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostHeld = 32 << 20;  // of a direction

int new_socket() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return fd;
}

// From one socket to the other.
struct Direction {
    struct Piece {
        Clock::time_point due;
        std::string octets;  // none: the end
    };
    int from = -1;
    int to = -1;
    bool ended = false;
    std::size_t held = 0;
    std::deque<Piece> pieces;

    void read(Clock::time_point due) {
        static std::array<char, 256 * 1024> room;
        while (!ended && held < kMostHeld) {
            const ssize_t got = ::recv(from, room.data(), room.size(), MSG_DONTWAIT);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
            ended = got <= 0;
            held += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
            pieces.push_back({due, std::string(room.data(), ended ? 0 : std::size_t(got))});
        }
    }
    void write(Clock::time_point now) {
        while (!pieces.empty() && pieces.front().due <= now) {
            std::string& octets = pieces.front().octets;
            if (octets.empty()) {
                ::shutdown(to, SHUT_WR);
            } else {
                const ssize_t sent =
                    ::send(to, octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
                if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
                const std::size_t gone = sent < 0 ? octets.size() : static_cast<std::size_t>(sent);
                held -= gone;
                octets.erase(0, gone);
                if (!octets.empty()) return;
            }
            pieces.pop_front();
        }
    }
    [[nodiscard]] bool is_over() const { return ended && pieces.empty(); }
};

struct Pair {
    Direction there, back;
};

[[noreturn]] void relay(const Endpoint& listen, const Endpoint& to,
                        std::chrono::milliseconds delay) {
    const int listener = new_socket();
    const sockaddr_in here = to_socket_address(listen);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
        ::listen(listener, 64) != 0) {
        std::perror("bench-delay-relay");
        std::exit(1);
    }
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    const auto watch = [epoll](int fd, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    };
    watch(listener, EPOLLIN);
    std::list<Pair> pairs;
    std::array<epoll_event, 64> events;
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), events.size(), pairs.empty() ? -1 : 1);
        for (int i = 0; i < count; ++i) {
            if (events[static_cast<std::size_t>(i)].data.fd != listener) continue;
            const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            const int server = new_socket();
            const sockaddr_in there = to_socket_address(to);
            (void)::connect(server, reinterpret_cast<const sockaddr*>(&there), sizeof there);
            pairs.emplace_back();
            pairs.back().there.from = pairs.back().back.to = client;
            pairs.back().there.to = pairs.back().back.from = server;
            watch(client, EPOLLIN | EPOLLOUT | EPOLLET);
            watch(server, EPOLLIN | EPOLLOUT | EPOLLET);
        }
        const auto now = Clock::now();
        for (auto pair = pairs.begin(); pair != pairs.end();) {
            for (Direction* each : {&pair->there, &pair->back}) {
                each->read(now + delay);
                each->write(now);
            }
            if (pair->there.is_over() && pair->back.is_over()) {
                ::close(pair->there.from);
                ::close(pair->there.to);
                pair = pairs.erase(pair);
            } else {
                ++pair;
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    Endpoint listen, to;
    int delay = -1;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view key = argv[i];
        if (key == "--listen") listen = Endpoint::parse(argv[i + 1], 443).value_or(Endpoint{});
        if (key == "--to") to = Endpoint::parse(argv[i + 1], 443).value_or(Endpoint{});
        if (key == "--delay-ms") delay = std::atoi(argv[i + 1]);
    }
    if (listen.port == 0 || to.port == 0 || delay < 0) {
        std::fputs("usage: see the head of bench/delay_relay.cpp\n", stderr);
        return 2;
    }
    relay(listen, to, std::chrono::milliseconds(delay));
}
