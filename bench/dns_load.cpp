// Asks a DNS server over UDP and measures.
//
//     bench-dns-load --server 10.0.0.1:53 --seconds 2 --cached FILE [--blocked FILE] [--fresh ZONE]
//                    [--mix CACHED,BLOCKED] [--rate N | --outstanding N] [--cpus 1,3]
//
// With --rate each question has a time at which it is to be sent, and its latency counts from then,
// whether or not we were late. Without it, N questions are always under way. Prints one JSON
// object.

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/ip.h"
#include "bench/cores.h"
#include "bench/dns_questions.h"
#include "bench/ipv4.h"
#include "bench/latency.h"

namespace {

using namespace hearth;
using namespace hearth::bench;

constexpr unsigned kBatch = 32;
constexpr std::size_t kPacket = 1500;
constexpr std::size_t kIds = 65536;
constexpr std::uint64_t kGiveUp = 500'000'000;  // ns without an answer: lost

struct Options {
    Endpoint server;
    double seconds = 2;
    double rate = 0;  // questions a second, all threads together; 0: as fast as they are answered
    unsigned outstanding = 64;
    std::vector<int> cpus;
    QuestionMix mix;
};

struct Outcome {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t wrong = 0;
    Latencies latencies;
};

std::uint64_t now_ns() noexcept {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// One socket, its questions under way and what came of them. One thread.
class Asker {
public:
    Asker(const Options& options, unsigned stream)
        : options_(options),
          questions_(options.mix, stream),
          share_(1.0 / static_cast<double>(options.cpus.size())) {
        fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const sockaddr_in to = to_socket_address(options.server);
        const int size = 4 << 20;
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        const timeval patience{0, 20'000};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            std::perror("connect");
        for (unsigned i = 0; i < kBatch; ++i) {
            in_[i].msg_hdr = {nullptr, 0, &in_buffers_[i], 1, nullptr, 0, 0};
            in_buffers_[i] = {in_packets_[i].data(), kPacket};
            out_[i].msg_hdr = {nullptr, 0, &out_buffers_[i], 1, nullptr, 0, 0};
        }
    }
    ~Asker() { ::close(fd_); }
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    Outcome run() {
        if (options_.rate > 0)
            run_at_rate();
        else
            run_saturated();
        return outcome_;
    }

private:
    struct Asked {
        std::uint64_t at = 0;  // 0: nothing under way with this ID
        QuestionKind kind = QuestionKind::kCached;
    };

    [[nodiscard]] std::uint64_t duration() const noexcept {
        return static_cast<std::uint64_t>(options_.seconds * 1e9);
    }

    // Adds a question to the batch that send() sends.
    void prepare(std::uint64_t at) {
        while (asked_[next_id_].at != 0 && at - asked_[next_id_].at < kGiveUp) ++next_id_;
        const std::uint16_t id = next_id_++;
        const auto question = questions_.next(out_packets_[ready_], id);
        out_buffers_[ready_] = {out_packets_[ready_].data(), question.size};
        asked_[id] = {at, question.kind};
        ++ready_;
    }

    void send() {
        for (unsigned done = 0; done < ready_;) {
            const int n = ::sendmmsg(fd_, out_.data() + done, ready_ - done, 0);
            if (n <= 0) break;
            done += static_cast<unsigned>(n);
        }
        outcome_.sent += ready_;
        ready_ = 0;
    }

    // Takes what has come; the number of answers to questions that were under way.
    unsigned receive(int flags) {
        const int count = ::recvmmsg(fd_, in_.data(), kBatch, flags, nullptr);
        if (count <= 0) return 0;
        const std::uint64_t now = now_ns();
        unsigned answers = 0;
        for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
            const ByteView packet(in_packets_[i].data(), in_[i].msg_len);
            if (packet.size() < 2) continue;
            Asked& asked = asked_[load_be16(packet.data())];
            if (asked.at == 0) continue;
            outcome_.latencies.add(now > asked.at ? now - asked.at : 0);
            if (!is_right(packet, asked.kind)) ++outcome_.wrong;
            asked.at = 0;
            ++answers;
        }
        outcome_.received += answers;
        return answers;
    }

    void run_saturated() {
        const auto target = static_cast<unsigned>(options_.outstanding * share_);
        const std::uint64_t end = now_ns() + duration();
        unsigned under_way = 0;
        std::uint64_t heard = now_ns();
        while (true) {
            const std::uint64_t now = now_ns();
            if (now >= end) break;
            while (under_way < target) {
                for (; under_way < target && ready_ < kBatch; ++under_way) prepare(now);
                send();
            }
            const unsigned answers = receive(MSG_WAITFORONE);
            under_way -= std::min(answers, under_way);
            if (answers > 0) heard = now;
            if (now - heard > kGiveUp) under_way = 0;  // all lost
        }
        drain();
    }

    void run_at_rate() {
        const double interval = 1e9 / (options_.rate * share_);
        const std::uint64_t start = now_ns();
        const std::uint64_t end = start + duration();
        double next = static_cast<double>(start);
        while (next < static_cast<double>(end)) {
            const auto now = static_cast<double>(now_ns());
            for (; next <= now && ready_ < kBatch; next += interval)
                prepare(static_cast<std::uint64_t>(next));
            if (ready_ > 0) send();
            receive(MSG_DONTWAIT);
        }
        drain();
    }

    void drain() {
        const std::uint64_t end = now_ns() + kGiveUp;
        while (outcome_.received < outcome_.sent && now_ns() < end) receive(MSG_WAITFORONE);
    }

    const Options& options_;
    QuestionSource questions_;
    double share_;
    int fd_ = -1;
    Outcome outcome_;
    std::uint16_t next_id_ = 0;
    unsigned ready_ = 0;
    std::array<Asked, kIds> asked_{};
    std::array<std::array<std::uint8_t, kPacket>, kBatch> in_packets_;
    std::array<std::array<std::uint8_t, kPacket>, kBatch> out_packets_;
    std::array<iovec, kBatch> in_buffers_;
    std::array<iovec, kBatch> out_buffers_;
    std::array<mmsghdr, kBatch> in_{};
    std::array<mmsghdr, kBatch> out_{};
};

std::optional<Options> parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view key = argv[i];
        const char* value = argv[i + 1];
        if (key == "--server") {
            options.server = Endpoint::parse(value, 53).value_or(Endpoint{});
        } else if (key == "--seconds") {
            options.seconds = std::atof(value);
        } else if (key == "--rate") {
            options.rate = std::atof(value);
        } else if (key == "--outstanding") {
            options.outstanding = static_cast<unsigned>(std::atoi(value));
        } else if (key == "--cpus") {
            options.cpus = parse_numbers(value);
        } else if (key == "--cached") {
            options.mix.cached = read_names(value);
        } else if (key == "--blocked") {
            options.mix.blocked = read_names(value);
        } else if (key == "--fresh") {
            options.mix.fresh_zone = value;
        } else if (key == "--mix") {
            const auto shares = parse_numbers(value);
            if (shares.size() != 2) return std::nullopt;
            options.mix.cached_share = static_cast<unsigned>(shares[0]);
            options.mix.blocked_share = static_cast<unsigned>(shares[1]);
        } else {
            return std::nullopt;
        }
    }
    const QuestionMix& mix = options.mix;
    if (argc % 2 == 0 || options.server.port == 0 || options.cpus.empty()) return std::nullopt;
    if (mix.cached_share > 0 && mix.cached.empty()) return std::nullopt;
    if (mix.blocked_share > 0 && mix.blocked.empty()) return std::nullopt;
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = parse(argc, argv);
    if (!options) {
        std::fputs("usage: see the head of bench/dns_load.cpp\n", stderr);
        return 2;
    }
    std::vector<Outcome> outcomes(options->cpus.size());
    std::vector<std::thread> threads;
    const std::uint64_t start = now_ns();
    for (unsigned i = 0; i < options->cpus.size(); ++i) {
        threads.emplace_back([&, i] {
            pin(options->cpus[i]);
            outcomes[i] =
                std::make_unique<Asker>(*options, static_cast<unsigned>(start % 1'000'000) + i)
                    ->run();
        });
    }
    for (auto& thread : threads) thread.join();
    Outcome all;
    for (const Outcome& one : outcomes) {
        all.sent += one.sent;
        all.received += one.received;
        all.wrong += one.wrong;
        all.latencies.merge(one.latencies);
    }
    std::printf(
        "{\"sent\":%llu,\"received\":%llu,\"wrong\":%llu,\"seconds\":%.3f,\"p50_us\":%.1f,"
        "\"p99_us\":%.1f,\"p9999_us\":%.1f,\"worst_us\":%.1f}\n",
        static_cast<unsigned long long>(all.sent), static_cast<unsigned long long>(all.received),
        static_cast<unsigned long long>(all.wrong), options->seconds,
        all.latencies.quantile_us(0.5), all.latencies.quantile_us(0.99),
        all.latencies.quantile_us(0.9999), all.latencies.worst_us());
    return 0;
}
