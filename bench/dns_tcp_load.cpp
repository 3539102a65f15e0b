// Asks a DNS server over a few kept TCP connections, several questions under way on each (RFC
// 7766), as fast as they are answered. Prints one JSON object.
//
//     bench-dns-tcp-load ADDRESS CPU[,CPU...] SECONDS NAMES-FILE

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/cores.h"
#include "bench/dns_questions.h"

namespace {

using namespace hearth;
using namespace hearth::bench;

constexpr unsigned kConnections = 8;  // of all threads; unbound takes ten by default
constexpr unsigned kWindow = 8;       // questions under way on each

struct Outcome {
    std::uint64_t answered = 0;
    std::uint64_t wrong = 0;
    std::uint64_t broken = 0;  // connections that ended or could not be made
};

class Connection {
public:
    Connection(const sockaddr_in& server, const QuestionMix& mix, unsigned stream)
        : questions_(mix, stream), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        alive_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0;
    }
    ~Connection() { ::close(fd_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool alive() const noexcept { return alive_; }

    void ask(unsigned count) {
        std::string out;
        for (unsigned i = 0; i < count; ++i) {
            std::array<std::uint8_t, 512> packet;
            const auto question = questions_.next(packet, next_id_++);
            out.push_back(static_cast<char>(question.size >> 8));
            out.push_back(static_cast<char>(question.size));
            out += as_text(ByteView(packet).first(question.size));
        }
        alive_ =
            ::send(fd_, out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size());
    }

    // Takes the answers that are there and asks as many questions anew.
    void on_readable(Outcome& outcome) {
        std::array<std::uint8_t, 16384> piece;
        const ssize_t n = ::recv(fd_, piece.data(), piece.size(), MSG_DONTWAIT);
        if (n <= 0) {
            alive_ = n < 0 && errno == EAGAIN;
            return;
        }
        received_.insert(received_.end(), piece.begin(), piece.begin() + n);
        std::size_t at = 0;
        unsigned answers = 0;
        while (received_.size() - at >= 2) {
            const std::size_t size = load_be16(received_.data() + at);
            if (received_.size() - at - 2 < size) break;
            if (!is_right({received_.data() + at + 2, size}, QuestionKind::kCached))
                ++outcome.wrong;
            at += 2 + size;
            ++answers;
        }
        received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(at));
        outcome.answered += answers;
        if (answers > 0) ask(answers);
    }

private:
    QuestionSource questions_;
    int fd_;
    bool alive_ = false;
    std::uint16_t next_id_ = 0;
    std::vector<std::uint8_t> received_;
};

Outcome run(const sockaddr_in& server, const QuestionMix& mix, unsigned connections,
            unsigned stream, std::chrono::duration<double> duration) {
    Outcome outcome;
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::unique_ptr<Connection>> open;
    for (unsigned i = 0; i < connections; ++i) {
        open.push_back(std::make_unique<Connection>(server, mix, stream + i));
        if (open.back()->alive()) open.back()->ask(kWindow);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = open.back().get();
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, open.back()->fd(), &event);
    }
    const auto end = std::chrono::steady_clock::now() + duration;
    std::array<epoll_event, kConnections> events;
    while (std::chrono::steady_clock::now() < end) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 20);
        for (int i = 0; i < count; ++i) {
            auto* connection =
                static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
            connection->on_readable(outcome);
            if (connection->alive()) continue;
            ++outcome.broken;
            ::epoll_ctl(epoll, EPOLL_CTL_DEL, connection->fd(), nullptr);
        }
    }
    ::close(epoll);
    return outcome;
}

}  // namespace

int main(int argc, char** argv) {
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(53);
    if (argc != 5 || ::inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
        std::fputs("usage: bench-dns-tcp-load ADDRESS CPU[,CPU...] SECONDS NAMES-FILE\n", stderr);
        return 2;
    }
    const std::vector<int> cpus = parse_numbers(argv[2]);
    const double seconds = std::atof(argv[3]);
    QuestionMix mix;
    mix.cached = read_names(argv[4]);
    if (mix.cached.empty() || cpus.empty()) return 2;

    std::vector<Outcome> outcomes(cpus.size());
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < cpus.size(); ++i) {
        threads.emplace_back([&, i] {
            pin(cpus[i]);
            const auto share = kConnections / static_cast<unsigned>(cpus.size());
            outcomes[i] =
                run(server, mix, share, i * kConnections, std::chrono::duration<double>(seconds));
        });
    }
    Outcome all;
    for (unsigned i = 0; i < cpus.size(); ++i) {
        threads[i].join();
        all.answered += outcomes[i].answered;
        all.wrong += outcomes[i].wrong;
        all.broken += outcomes[i].broken;
    }
    std::printf(
        "{\"sent\":%llu,\"received\":%llu,\"wrong\":%llu,\"broken\":%llu,\"seconds\":%.3f}\n",
        static_cast<unsigned long long>(all.answered),
        static_cast<unsigned long long>(all.answered), static_cast<unsigned long long>(all.wrong),
        static_cast<unsigned long long>(all.broken), seconds);
    return 0;
}
