#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/result.h"
#include "dns/model/query_context.h"
#include "runtime/file_descriptor.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::dns {

class TlsIdentity;

struct StreamLimits {
    std::size_t connections = 2048;           // per worker
    std::size_t connections_per_client = 64;  // per worker, an IPv6 /64 being one client
    std::size_t unanswered = 128;  // questions of one connection that wait; then it is not read
    std::size_t unsent =
        256U << 10;  // octets of answers a client does not read; then it is cut off
    // From the last whole question on (RFC 7766 §6.2.3); shorter when three quarters of the
    // connections are taken.
    std::chrono::milliseconds idle{10'000};
    std::chrono::milliseconds idle_when_crowded{2'000};
};

// DNS over connections for one loop: TCP (RFC 7766), TLS (RFC 7858), HTTPS (RFC 8484), the latter
// also from a proxy on this machine. Questions are answered in any order, as answers become ready.
// When there are too many connections, the one that was silent longest makes room. Belongs to its
// loop's thread.
class StreamServer {
public:
    struct Question {
        ReplyPath path;               // for reply() or settle()
        std::uint16_t keepalive = 0;  // what an idle connection gets, in 100 ms
        ByteView packet;
    };
    struct Calls {
        // Calls reply() at once or later, or settle() when there will be no answer.
        std::function<void(const Question&)> on_question;
        // Between two pieces of work of some length: what must not wait for streams has its turn.
        std::function<void()> give_way;
    };

    StreamServer(runtime::EventLoop& loop, const StreamLimits& limits, Calls calls);
    ~StreamServer();

    // What TLS and HTTPS show from now on. Without one their connections are closed at once.
    void set_identity(std::shared_ptr<const TlsIdentity> identity);

    // Port 0 takes a free one; the endpoint listened on.
    [[nodiscard]] Result<Endpoint> listen(const Endpoint& local, Transport transport);
    // Goes on with a socket that listens already.
    void adopt(runtime::FileDescriptor listening, Transport transport);
    // Of what listens there, borrowed to be handed on.
    [[nodiscard]] int descriptor(const Endpoint& local) const;
    // A Unix socket for a proxy of ours: HTTPS whose TLS is over there, a PROXY header of version 2
    // first. Processes of root, of this daemon's user and of the file's group are believed.
    [[nodiscard]] Result<void> listen_for_proxy(const std::filesystem::path& path);
    // Stops accepting there; open connections live on.
    void close(const Endpoint& local);

    // Ignored when the connection is gone.
    void reply(const ReplyPath& path, ByteView answer);
    void settle(const ReplyPath& path);

    [[nodiscard]] std::size_t open_connections() const noexcept;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::dns
