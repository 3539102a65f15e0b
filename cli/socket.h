#pragma once

#include <cstddef>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"

namespace hearth::cli {

// A connected socket with deadlines, for probes that ask once and wait.
class Socket {
public:
    // `type`: SOCK_DGRAM or SOCK_STREAM. Errors name the endpoint and say what is wrong there.
    [[nodiscard]] static Result<Socket> connect(const Endpoint& peer, int type, TimePoint deadline);
    Socket(Socket&& other) noexcept;
    Socket& operator=(Socket&&) = delete;
    ~Socket();

    [[nodiscard]] Result<void> send(ByteView octets);  // small: fits the socket's buffer
    // At least one octet, or 0 at the end of the stream.
    [[nodiscard]] Result<std::size_t> receive(ByteSpan buffer, TimePoint deadline);

private:
    Socket(int fd, std::string where) : fd_(fd), where_(std::move(where)) {}
    [[nodiscard]] Result<void> wait(short events, TimePoint deadline) const;
    [[nodiscard]] Error error_of(int number) const;

    int fd_;
    std::string where_;
};

}  // namespace hearth::cli
