#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/ip.h"
#include "base/result.h"
#include "runtime/connection_budget.h"
#include "runtime/file_descriptor.h"

namespace hearth::runtime {

class EventLoop;

struct AcceptorOptions {
    std::size_t max_connections = 4096;  // open at the same time
    int backlog = 1024;
    std::shared_ptr<ConnectionBudget> budget =
        nullptr;  // of several acceptors, instead of max_connections
};

// Counts one open connection against its acceptor's limit; keep it as long as the socket.
// Destroyed on the acceptor's loop (it may outlive the acceptor).
class ConnectionPermit {
public:
    ConnectionPermit(ConnectionPermit&&) noexcept = default;
    ConnectionPermit& operator=(ConnectionPermit&&) noexcept = default;
    ~ConnectionPermit() = default;

private:
    friend class Acceptor;
    struct Release {
        void operator()(void* state) const noexcept;
    };
    explicit ConnectionPermit(void* state) noexcept : state_(state) {}
    std::unique_ptr<void, Release> state_;
};

struct AcceptedConnection {
    FileDescriptor socket;  // non-blocking, close-on-exec
    Endpoint peer;          // 0.0.0.0:0 for a Unix socket
    ConnectionPermit permit;
};

// Accepts stream connections for one loop. At max_connections it stops accepting (the
// kernel's backlog, then the clients, wait) and goes on when a permit is returned; one that another
// acceptor of the same budget gave back it finds within 20 ms. When the process or the system is
// out of descriptors it tries again 100 ms later.
// Used and destroyed on its loop's thread or while the loop does not run.
class Acceptor {
public:
    // TCP with SO_REUSEPORT (one per loop), IP_FREEBIND and TCP_NODELAY; port 0 takes a free one.
    // kConflict: the address is in use; kRefused: no permission.
    [[nodiscard]] static Result<std::unique_ptr<Acceptor>> listen(
        EventLoop& loop, const Endpoint& local, const AcceptorOptions& options = {});

    // Goes on with a socket that is bound and listens already.
    [[nodiscard]] static std::unique_ptr<Acceptor> adopt(EventLoop& loop, FileDescriptor listening,
                                                         const AcceptorOptions& options = {});

    // A Unix stream socket, mode 0660. A dead daemon's socket file is replaced; kConflict when a
    // living one answers there. The file is removed by the destructor. Paths above 107 octets are
    // refused.
    [[nodiscard]] static Result<std::unique_ptr<Acceptor>> listen(
        EventLoop& loop, const std::filesystem::path& path, const AcceptorOptions& options = {});

    ~Acceptor();

    void start(std::function<void(AcceptedConnection)> on_connection);

    [[nodiscard]] const Endpoint& local() const noexcept;
    // Borrowed, to be handed on.
    [[nodiscard]] int descriptor() const noexcept;

private:
    friend class ConnectionPermit;
    struct State;
    explicit Acceptor(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace hearth::runtime
