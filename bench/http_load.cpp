// Asks an HTTP server and measures. Prints one JSON object.
//
//     bench-http-load MODE --server 10.0.0.1:80 --host NAME [--path /] [--connections 64]
//                     [--warm-up 0] [--seconds 2] [--rate N] [--bytes N] [--cpus 1,3]
//                     [--account PID,PID]
//
// What is measured begins after --warm-up and lasts --seconds, with the CPU time of the processes
// of --account. With --seconds 0 until the end of input. A server that says "Connection: close"
// gets a new connection for the next request.
//
//     keep    always one request under way on each connection
//     close   the same, a new connection for each request
//     rate    N requests a second on kept connections; latency counts from the intended time
//     down    one response of --bytes          up      one request with a body of --bytes
//     idle    each connection makes one request and then stays; prints, and waits for the end of
//     input

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/http_text.h"
#include "bench/ipv4.h"
#include "bench/load_crowd.h"

namespace {

using namespace hearth;
using namespace hearth::bench;

enum class Mode { kKeep, kClose, kRate, kDown, kUp, kIdle };

struct Options : CrowdOptions {
    Mode mode = Mode::kKeep;
    std::string path = "/";
    double rate = 0;
    std::uint64_t bytes = 1 << 30;
};

int connect_to(const Endpoint& server, int flags) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const sockaddr_in to = to_socket_address(server);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
        errno != EINPROGRESS) {
        ::close(fd);
        return -1;
    }
    return fd;
}

std::string request_text(const Options& options) {
    std::string text = options.mode == Mode::kUp ? "POST " : "GET ";
    text += options.mode == Mode::kDown ? "/bytes/" + std::to_string(options.bytes) : options.path;
    text += " HTTP/1.1\r\nHost: " + options.host + "\r\nUser-Agent: bench\r\n";
    if (options.mode == Mode::kUp)
        text += "Content-Length: " + std::to_string(options.bytes) + "\r\n";
    if (options.mode == Mode::kClose) text += "Connection: close\r\n";
    return text + "\r\n";
}

struct Connection {
    int fd = -1;
    bool connected = false;
    bool busy = false;
    std::uint64_t asked_at = 0;
    std::string head;
    std::uint64_t body_left = 0;
    bool in_body = false;
    bool last = false;  // the server closes it behind its answer
};

enum class Progress { kWaiting, kAnswered, kBroken };

// Reads what is there of one response.
Progress read_response(Connection& connection) {
    std::array<char, 16384> piece;
    while (true) {
        const ssize_t n = ::recv(connection.fd, piece.data(), piece.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return Progress::kWaiting;
        if (n <= 0) return Progress::kBroken;
        std::string_view bytes(piece.data(), static_cast<std::size_t>(n));
        if (!connection.in_body) {
            connection.head += bytes;
            const auto size = head_size(connection.head);
            if (!size) continue;
            if (!connection.head.starts_with("HTTP/1.1 200")) return Progress::kBroken;
            const std::string_view head = std::string_view(connection.head).substr(0, *size);
            const std::uint64_t have = connection.head.size() - *size;
            const std::uint64_t length = content_length(head);
            connection.body_left = length - std::min(length, have);
            connection.in_body = true;
            connection.last = head.find("onnection: close") != std::string_view::npos;
        } else {
            connection.body_left -= std::min<std::uint64_t>(connection.body_left, bytes.size());
        }
        if (connection.body_left == 0) {
            connection.in_body = false;
            connection.head.clear();
            return Progress::kAnswered;
        }
    }
}

std::atomic<bool> input_ended = false;

// Some connections on one thread.
class Clients {
public:
    Clients(const Options& options, unsigned count)
        : options_(options),
          request_(request_text(options)),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          connections_(count) {}

    Outcome run(std::uint64_t start) {
        begin_ = options_.window.begin(start);
        end_ = options_.window.over(start);
        next_due_ = static_cast<double>(start);
        interval_ =
            options_.rate > 0 ? 1e9 * static_cast<double>(options_.cpus.size()) / options_.rate : 0;
        for (Connection& connection : connections_) open(connection);
        std::array<epoll_event, 256> events;
        while (goes_on()) {
            if (options_.mode == Mode::kRate) start_due();
            const int patience = options_.mode == Mode::kRate ? 0 : 20;
            const int count =
                ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), patience);
            for (int i = 0; i < count; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                on_event(connections_[event.data.u64], event.events);
            }
            if (options_.mode == Mode::kIdle && now_ns() > end_ + 20'000'000'000) break;
        }
        outcome_.answered = answered();
        outcome_.seconds = static_cast<double>(now_ns() - start) / 1e9;
        return outcome_;
    }

    // Until now; any thread.
    [[nodiscard]] std::uint64_t answered() const noexcept {
        return answered_.load(std::memory_order_relaxed);
    }

private:
    [[nodiscard]] bool goes_on() const {
        if (options_.window.seconds == 0) return !input_ended;
        if (now_ns() < end_) return true;
        return options_.mode == Mode::kIdle && answered() < connections_.size();
    }

    void open(Connection& connection) {
        if (connection.fd >= 0) ::close(connection.fd);
        connection = Connection{};
        connection.asked_at = now_ns();
        connection.fd = connect_to(options_.server, SOCK_NONBLOCK);
        if (connection.fd < 0) {
            ++outcome_.failed;
            return;
        }
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.u64 = static_cast<std::uint64_t>(&connection - connections_.data());
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
    }

    void ask(Connection& connection, std::uint64_t intended) {
        connection.busy = true;
        connection.asked_at = intended;
        if (::send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
            static_cast<ssize_t>(request_.size()))
            fail(connection);
    }

    void fail(Connection& connection) {
        ++outcome_.failed;
        open(connection);
    }

    void on_event(Connection& connection, std::uint32_t events) {
        if (!connection.connected && (events & EPOLLOUT) != 0 && (events & EPOLLERR) == 0) {
            connection.connected = true;
            if (options_.mode == Mode::kRate)
                free_.push_back(&connection);
            else
                ask(connection, connection.asked_at);
        }
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
        if (!connection.busy) {
            if ((events & (EPOLLHUP | EPOLLERR)) != 0) fail(connection);
            return;
        }
        switch (read_response(connection)) {
            case Progress::kWaiting: return;
            case Progress::kBroken: return fail(connection);
            case Progress::kAnswered: return on_answer(connection);
        }
    }

    void on_answer(Connection& connection) {
        const std::uint64_t now = now_ns();
        if (connection.asked_at >= begin_) outcome_.latencies.add(now - connection.asked_at);
        answered_.fetch_add(1, std::memory_order_relaxed);
        connection.busy = false;
        if (connection.last && options_.mode != Mode::kIdle) return open(connection);
        switch (options_.mode) {
            case Mode::kClose: return open(connection);
            case Mode::kRate: free_.push_back(&connection); return;
            case Mode::kIdle: return;
            default: return ask(connection, now);
        }
    }

    void start_due() {
        const auto now = static_cast<double>(now_ns());
        for (; next_due_ <= now; next_due_ += interval_)
            due_.push_back(static_cast<std::uint64_t>(next_due_));
        while (!due_.empty() && !free_.empty()) {
            Connection* connection = free_.front();
            free_.pop_front();
            if (!connection->connected || connection->busy) continue;
            ask(*connection, due_.front());
            due_.pop_front();
        }
    }

    const Options& options_;
    std::string request_;
    int epoll_;
    std::vector<Connection> connections_;
    std::deque<Connection*> free_;
    std::deque<std::uint64_t> due_;
    Outcome outcome_;
    std::atomic<std::uint64_t> answered_ = 0;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
    double next_due_ = 0;
    double interval_ = 0;
};

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

// One big body, one way, with blocking calls.
Outcome transfer(const Options& options) {
    Outcome outcome;
    const std::uint64_t start = now_ns();
    const int fd = connect_to(options.server, 0);
    bool good = fd >= 0 && send_all(fd, request_text(options));
    if (options.mode == Mode::kUp) {
        const std::string piece(256 << 10, 'x');
        for (std::uint64_t left = options.bytes; good && left > 0;) {
            const std::uint64_t size = std::min<std::uint64_t>(left, piece.size());
            good = send_all(fd, std::string_view(piece).substr(0, size));
            left -= size;
        }
    }
    std::string head;
    std::array<char, 4096> piece;
    while (good && !head_size(head)) {
        const ssize_t n = ::recv(fd, piece.data(), piece.size(), 0);
        good = n > 0;
        if (good) head.append(piece.data(), static_cast<std::size_t>(n));
    }
    if (good) {
        const std::size_t size = *head_size(head);
        std::uint64_t left =
            content_length(std::string_view(head).substr(0, size)) - (head.size() - size);
        good = head.starts_with("HTTP/1.1 200");
        while (good && left > 0) {
            const ssize_t n =
                ::recv(fd, nullptr, std::min<std::uint64_t>(left, 1 << 20), MSG_TRUNC);
            good = n > 0;
            if (good) left -= static_cast<std::uint64_t>(n);
        }
    }
    if (fd >= 0) ::close(fd);
    outcome.seconds = static_cast<double>(now_ns() - start) / 1e9;
    (good ? outcome.answered : outcome.failed) = 1;
    return outcome;
}

std::optional<Mode> parse_mode(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, Mode>, 6> kModes = {{{"keep", Mode::kKeep},
                                                                          {"close", Mode::kClose},
                                                                          {"rate", Mode::kRate},
                                                                          {"down", Mode::kDown},
                                                                          {"up", Mode::kUp},
                                                                          {"idle", Mode::kIdle}}};
    const auto* at =
        std::find_if(kModes.begin(), kModes.end(), [&](const auto& m) { return m.first == text; });
    if (at == kModes.end()) return std::nullopt;
    return at->second;
}

bool apply_one(Options& options, std::string_view key, const char* value) {
    if (key == "--path") {
        options.path = value;
    } else if (key == "--rate") {
        options.rate = std::atof(value);
    } else if (key == "--bytes") {
        options.bytes = std::strtoull(value, nullptr, 10);
    } else {
        return apply(options, key, value);
    }
    return true;
}

Outcome run_all(const Options& options) {
    const bool is_timed = options.window.seconds > 0 && options.mode != Mode::kIdle;
    std::thread until;
    if (options.window.seconds == 0) {
        until = std::thread([] {
            wait_for_end_of_input();
            input_ended = true;
        });
    }
    const Outcome all = run_crowd<Clients>(options, is_timed ? Timed::kYes : Timed::kNo);
    if (until.joinable()) until.join();
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    const auto mode = argc > 1 ? parse_mode(argv[1]) : std::nullopt;
    bool good = mode.has_value() && argc % 2 == 0;
    for (int i = 2; good && i + 1 < argc; i += 2) good = apply_one(options, argv[i], argv[i + 1]);
    if (!good || options.server.port == 0 || options.cpus.empty()) {
        std::fputs("usage: see the head of bench/http_load.cpp\n", stderr);
        return 2;
    }
    options.mode = *mode;
    allow_many_files();
    const bool is_one = options.mode == Mode::kDown || options.mode == Mode::kUp;
    if (is_one) pin(options.cpus[0]);
    print(is_one ? transfer(options) : run_all(options));
    if (options.mode == Mode::kIdle) wait_for_end_of_input();
    return 0;
}
