// Sends datagrams as fast as one core does, and tells what each cost: `udp-flood ADDRESS PORT`
// reads how many from each line of its input and prints nanoseconds of CPU time, then of time. Over
// a veth pair the receiving side's work is done in the sender's context, so on one core this is the
// cost of the whole way.

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::size_t kBatch = 32;

double cpu_nanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct Cost {  // nanoseconds for a datagram
    double cpu;
    double time;
};

Cost flood(int socket_fd, long wanted) {
    std::array<char, 18> payload{};
    iovec data{payload.data(), payload.size()};
    std::array<mmsghdr, kBatch> batch{};
    for (auto& message : batch) {
        message.msg_hdr.msg_iov = &data;
        message.msg_hdr.msg_iovlen = 1;
    }
    long sent = 0;
    const auto begin = std::chrono::steady_clock::now();
    const double spent = cpu_nanoseconds();
    while (sent < wanted) {
        const int count = sendmmsg(socket_fd, batch.data(), kBatch, 0);
        sent += count > 0 ? count : 0;
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    const auto count = static_cast<double>(sent);
    return {(cpu_nanoseconds() - spent) / count, static_cast<double>(took.count()) / count};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    const int socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(socket_fd, reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) return 1;
    for (long wanted = 0; std::scanf("%ld", &wanted) == 1;) {
        const Cost cost = flood(socket_fd, wanted);
        std::printf("%.1f %.1f\n", cost.cpu, cost.time);
        std::fflush(stdout);
    }
    return 0;
}
