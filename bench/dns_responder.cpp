// The other end of the DNS benches: either the limit (a raw echo that does no more than receive,
// turn one bit and send, 32 at a time) or an upstream that answers every A question at once.
//
//     bench-dns-responder raw|upstream ADDRESS PORT

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace {

using namespace hearth;

constexpr unsigned kBatch = 32;
constexpr std::size_t kPacket = 1500;
constexpr std::size_t kHeader = 12;

// A pointer to the question's name, A, IN, 300 s, 192.0.2.1.
constexpr std::array<std::uint8_t, 16> kAnswer = {0xc0, 12, 0, 1, 0,   1, 0, 0,
                                                  1,    44, 0, 4, 192, 0, 2, 1};

struct Batch {
    std::array<std::array<std::uint8_t, kPacket>, kBatch> packets;
    std::array<iovec, kBatch> buffers;
    std::array<sockaddr_in, kBatch> peers;
    std::array<mmsghdr, kBatch> messages;
};

// Answers in place; the new size, or 0 when it is not a question.
std::size_t echo(std::uint8_t* packet, std::size_t size) noexcept {
    if (size < kHeader || size + kAnswer.size() > kPacket) return 0;
    packet[2] |= 0x80;
    packet[3] = 0x80;
    packet[7] = 1;
    std::memcpy(packet + size, kAnswer.data(), kAnswer.size());
    return size + kAnswer.size();
}

std::size_t answer(std::uint8_t* packet, std::size_t size) noexcept {
    std::size_t at = kHeader;
    while (at < size && packet[at] != 0) at += packet[at] + std::size_t{1};
    if (at + 5 > size || at + 5 + kAnswer.size() > kPacket) return 0;
    const bool address = load_be16(packet + at + 1) == 1;
    packet[2] = 0x81;
    packet[3] = 0x80;
    std::memset(packet + 6, 0, 6);
    if (!address) return at + 5;  // no data
    packet[7] = 1;
    std::memcpy(packet + at + 5, kAnswer.data(), kAnswer.size());
    return at + 5 + kAnswer.size();
}

template <std::size_t (*respond)(std::uint8_t*, std::size_t) noexcept>
void serve(int fd, Batch& batch) {
    while (true) {
        for (unsigned i = 0; i < kBatch; ++i) {
            batch.buffers[i] = {batch.packets[i].data(), kPacket};
            batch.messages[i].msg_hdr = {
                &batch.peers[i], sizeof batch.peers[i], &batch.buffers[i], 1, nullptr, 0, 0};
        }
        const int received = ::recvmmsg(fd, batch.messages.data(), kBatch, MSG_WAITFORONE, nullptr);
        if (received < 0) continue;
        unsigned ready = 0;
        for (unsigned i = 0; i < static_cast<unsigned>(received); ++i) {
            const std::size_t size = respond(batch.packets[i].data(), batch.messages[i].msg_len);
            if (size == 0) continue;
            batch.buffers[i].iov_len = size;
            batch.messages[ready++].msg_hdr = batch.messages[i].msg_hdr;
        }
        for (unsigned sent = 0; sent < ready;) {
            const int n = ::sendmmsg(fd, batch.messages.data() + sent, ready - sent, 0);
            if (n <= 0) break;
            sent += static_cast<unsigned>(n);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    if (argc != 4 || ::inet_pton(AF_INET, argv[2], &at.sin_addr) != 1) {
        std::fputs("usage: bench-dns-responder raw|upstream ADDRESS PORT\n", stderr);
        return 2;
    }
    at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[3])));
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int size = 4 << 20;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
        std::perror("bind");
        return 1;
    }
    static Batch batch;
    if (std::string_view(argv[1]) == "raw")
        serve<echo>(fd, batch);
    else
        serve<answer>(fd, batch);
}
