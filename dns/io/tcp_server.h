#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/result.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::dns {

struct TcpLimits {
    std::size_t connections = 1024;           // per worker
    std::size_t connections_per_client = 32;  // per worker
    std::size_t unanswered = 128;  // questions of one connection that wait; then it is not read
    std::size_t unsent =
        256U << 10;  // octets of answers a client does not read; then it is cut off
    // From the last whole question on (RFC 7766 §6.2.3); shorter when three quarters of the
    // connections are taken.
    std::chrono::milliseconds idle{10'000};
    std::chrono::milliseconds idle_when_crowded{2'000};
};

// DNS over TCP for one loop (RFC 7766): length-prefixed, pipelined, answered as answers become
// ready. Belongs to its loop's thread.
class TcpServer {
public:
    struct Question {
        std::uint64_t connection = 0;
        Endpoint client;
        IpAddress local;
        ByteView packet;
    };
    // Calls reply() at once or later, or settle() when there will be no answer.
    using OnQuestion = std::function<void(const Question&)>;

    TcpServer(runtime::EventLoop& loop, const TcpLimits& limits, OnQuestion on_question);
    ~TcpServer();

    // Port 0 takes a free one; the endpoint listened on.
    [[nodiscard]] Result<Endpoint> listen(const Endpoint& local);
    // Stops accepting there; open connections live on.
    void close(const Endpoint& local);

    // Ignored when the connection is gone.
    void reply(std::uint64_t connection, ByteView answer);
    void settle(std::uint64_t connection);

    [[nodiscard]] std::size_t open_connections() const noexcept;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::dns
