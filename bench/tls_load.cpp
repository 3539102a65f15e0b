// Makes TLS 1.3 connections, asks and measures. Prints one JSON object. What is measured begins
// after --warm-up, with the CPU time of the processes of --account.
//
//     bench-tls-load MODE --server 10.0.0.1:443 --host NAME [--protocol http/1.1|h2]
//                    [--connections 64] [--warm-up 0] [--seconds 2] [--cpus 1,2]
//                    [--account PID,PID]
//
//     keep     always one request under way on each connection (HTTP/1.1 only)
//     full     always so many connections under way, a full handshake and one request for each
//     resumed  the same, with the ticket of the connection before
//     idle     each connection makes one request and then stays; prints, and waits for the end of
//              input. What TLS keeps of them here is freed, so that ten thousand cost little.

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bench/http_text.h"
#include "bench/ipv4.h"
#include "bench/load_crowd.h"

namespace {

using namespace hearth;
using namespace hearth::bench;

enum class Mode { kKeep, kFull, kResumed, kIdle };

struct Options : CrowdOptions {
    Mode mode = Mode::kFull;
    std::string protocol = "http/1.1";
};

// RFC 9113 §4.1.
std::string frame(std::uint8_t type, std::uint8_t flags, std::uint8_t stream,
                  std::string_view payload) {
    std::string out(9, '\0');
    out[2] = static_cast<char>(payload.size());
    out[3] = static_cast<char>(type);
    out[4] = static_cast<char>(flags);
    out[8] = static_cast<char>(stream);
    return out.append(payload);
}

std::string request_text(const Options& options) {
    if (options.protocol != "h2")
        return "GET / HTTP/1.1\r\nHost: " + options.host + "\r\nUser-Agent: bench\r\n\r\n";
    // :method GET, :scheme https and :path / are in the static table, :authority's name is.
    std::string fields = "\x82\x87\x84\x41";
    fields += static_cast<char>(options.host.size());
    fields += options.host;
    return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, "") + frame(4, 1, 0, "") +
           frame(1, 0x5, 1, fields);
}

bool is_whole_answer(std::string_view text) {
    const auto size = head_size(text);
    return size && text.starts_with("HTTP/1.1 200") &&
           text.size() - *size >= content_length(text.substr(0, *size));
}

bool is_whole_http2_answer(std::string_view text) {
    constexpr std::uint8_t kData = 0, kHeaders = 1, kEndStream = 1;
    bool good = false;
    while (text.size() >= 9) {
        const auto octet = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
        const std::size_t size = 9 + ((octet(0) * 256UL + octet(1)) * 256UL + octet(2));
        if (text.size() < size) return false;
        // :status 200 is in the static table; a change of the table's size may come before.
        if (octet(3) == kHeaders)
            good = text.substr(9, size - 9).find('\x88') != std::string_view::npos;
        if (octet(3) == kData && (octet(4) & kEndStream) != 0) return good;
        text.remove_prefix(size);
    }
    return false;
}

struct SslDeleter {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};

struct Connection {
    int fd = -1;
    std::unique_ptr<SSL, SslDeleter> ssl;
    std::unique_ptr<SSL_SESSION, SslDeleter> ticket;
    bool asked = false;
    std::uint64_t began = 0;
    std::string answer;
};

// Some connections on one thread.
class Clients {
public:
    Clients(const Options& options, unsigned count)
        : options_(options),
          request_(request_text(options)),
          context_(SSL_CTX_new(TLS_client_method())),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          connections_(count) {
        SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION);
        SSL_CTX_set_session_cache_mode(context_.get(),
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context_.get(), on_ticket);
        const std::string offer = static_cast<char>(options.protocol.size()) + options.protocol;
        SSL_CTX_set_alpn_protos(context_.get(),
                                reinterpret_cast<const unsigned char*>(offer.data()),
                                static_cast<unsigned int>(offer.size()));
    }

    Outcome run(std::uint64_t start) {
        begin_ = options_.window.begin(start);
        end_ = options_.window.over(start);
        std::array<epoll_event, 256> events;
        while (goes_on()) {
            // Few at a time: a crowd at the door would be measured instead.
            while ((options_.mode == Mode::kKeep || under_way_ < kAtATime) &&
                   begun_ < connections_.size())
                open(connections_[begun_++]);
            const int count = ::epoll_wait(epoll_, events.data(), events.size(), 100);
            for (int i = 0; i < count; ++i)
                drive(connections_[events[static_cast<std::size_t>(i)].data.u64]);
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
    static constexpr unsigned kAtATime = 32;
    static constexpr std::uint64_t kPatience = 120'000'000'000;

    static int on_ticket(SSL* ssl, SSL_SESSION* session) {
        static_cast<Connection*>(SSL_get_app_data(ssl))->ticket.reset(session);
        return 1;  // ours now
    }

    [[nodiscard]] bool goes_on() const {
        if (options_.mode != Mode::kIdle) return now_ns() < end_;
        return answered() + outcome_.failed < connections_.size() && now_ns() < end_ + kPatience;
    }

    void open(Connection& connection) {
        connection.ssl.reset();
        if (connection.fd >= 0) ::close(connection.fd);
        connection.asked = false;
        connection.answer.clear();
        connection.began = now_ns();
        connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const sockaddr_in to = to_socket_address(options_.server);
        (void)::connect(connection.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
        connection.ssl.reset(SSL_new(context_.get()));
        SSL* const ssl = connection.ssl.get();
        SSL_set_app_data(ssl, &connection);
        SSL_set_fd(ssl, connection.fd);
        SSL_set_tlsext_host_name(ssl, options_.host.c_str());
        if (options_.mode == Mode::kResumed && connection.ticket)
            SSL_set_session(ssl, connection.ticket.get());
        SSL_set_connect_state(ssl);
        ++under_way_;
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.u64 = static_cast<std::uint64_t>(&connection - connections_.data());
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
    }

    void ask(Connection& connection) {
        connection.asked = true;
        SSL_write(connection.ssl.get(), request_.data(), static_cast<int>(request_.size()));
    }

    void drive(Connection& connection) {
        SSL* const ssl = connection.ssl.get();
        if (ssl == nullptr) return;
        if (!connection.asked) {
            const int done = SSL_do_handshake(ssl);
            if (done != 1) return stop_unless_waiting(connection, done);
            if (SSL_session_reused(ssl) == 1) ++outcome_.resumed;
            ask(connection);
        }
        std::array<char, 16384> piece;
        for (;;) {
            const int got = SSL_read(ssl, piece.data(), piece.size());
            if (got <= 0) return stop_unless_waiting(connection, got);
            connection.answer.append(piece.data(), static_cast<std::size_t>(got));
            const bool whole = options_.protocol == "h2" ? is_whole_http2_answer(connection.answer)
                                                         : is_whole_answer(connection.answer);
            if (whole) return end(connection, Ended::kWell);
        }
    }

    void stop_unless_waiting(Connection& connection, int result) {
        const int why = SSL_get_error(connection.ssl.get(), result);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return;
        end(connection, Ended::kBadly);
    }

    enum class Ended { kWell, kBadly };
    void end(Connection& connection, Ended how) {
        if (how == Ended::kWell) {
            answered_.fetch_add(1, std::memory_order_relaxed);
            const std::uint64_t now = now_ns();
            if (connection.began >= begin_) outcome_.latencies.add(now - connection.began);
            if (options_.mode == Mode::kKeep) {
                connection.began = now;
                connection.answer.clear();
                return ask(connection);
            }
        } else {
            ++outcome_.failed;
        }
        --under_way_;
        if (options_.mode != Mode::kIdle) {
            SSL_shutdown(connection.ssl.get());
            return open(connection);
        }
        ::epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.fd, nullptr);
        connection.ssl.reset();
        connection.ticket.reset();
        std::string().swap(connection.answer);
    }

    const Options& options_;
    std::string request_;
    std::unique_ptr<SSL_CTX, SslDeleter> context_;
    int epoll_;
    std::vector<Connection> connections_;
    std::size_t begun_ = 0;
    unsigned under_way_ = 0;
    Outcome outcome_;
    std::atomic<std::uint64_t> answered_ = 0;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
};

std::optional<Mode> parse_mode(std::string_view text) {
    if (text == "keep") return Mode::kKeep;
    if (text == "full") return Mode::kFull;
    if (text == "resumed") return Mode::kResumed;
    if (text == "idle") return Mode::kIdle;
    return std::nullopt;
}

bool apply_one(Options& options, std::string_view key, const char* value) {
    if (key != "--protocol") return apply(options, key, value);
    options.protocol = value;
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    const auto mode = argc > 1 ? parse_mode(argv[1]) : std::nullopt;
    bool good = mode.has_value() && argc % 2 == 0;
    for (int i = 2; good && i + 1 < argc; i += 2) good = apply_one(options, argv[i], argv[i + 1]);
    if (!good || options.server.port == 0 || options.cpus.empty() || options.host.size() > 100) {
        std::fputs("usage: see the head of bench/tls_load.cpp\n", stderr);
        return 2;
    }
    options.mode = *mode;
    allow_many_files();
    const bool is_idle = options.mode == Mode::kIdle;
    print(run_crowd<Clients>(options, is_idle ? Timed::kNo : Timed::kYes));
    if (is_idle) wait_for_end_of_input();
    return 0;
}
