#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/result.h"
#include "runtime/file_descriptor.h"

namespace hearth::runtime {

class EventLoop;

// Where a datagram came from and which of our addresses it was sent to: what an answer needs,
// whenever it is sent.
struct UdpPath {
    Endpoint peer;
    IpAddress local;            // the answer's source address
    std::uint32_t ifindex = 0;  // the interface it arrived on

    friend bool operator==(const UdpPath&, const UdpPath&) = default;
};

struct Datagram {
    ByteView payload;  // valid until the batch handler returns
    UdpPath path;
    bool truncated = false;  // longer than UdpOptions::receive_size; payload is its beginning
};

struct UdpOptions {
    std::size_t batch = 32;           // datagrams per system call, at most 1024
    std::size_t receive_size = 4096;  // octets; longer datagrams come truncated
    std::size_t reply_size = 4096;    // octets of room for each reply
    int buffer_size = 4 << 20;        // SO_RCVBUF and SO_SNDBUF, as far as the system allows
};

// What one recvmmsg brought. Datagram i may be answered in place: write into reply_space(i),
// then reply(i, size). All replies leave in one sendmmsg after the handler returns.
class UdpBatch {
public:
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const Datagram& operator[](std::size_t i) const noexcept { return datagrams_[i]; }

    // UdpOptions::reply_size octets that belong to datagram i, not cleared.
    [[nodiscard]] ByteSpan reply_space(std::size_t i) noexcept {
        return {replies_ + i * reply_stride_, reply_size_};
    }
    // The first `size` octets of reply_space(i) answer datagram i. 0: no answer (the default).
    void reply(std::size_t i, std::size_t size) noexcept { reply_sizes_[i] = size; }

private:
    friend class UdpSocket;
    std::size_t size_ = 0;
    const Datagram* datagrams_ = nullptr;
    std::uint8_t* replies_ = nullptr;
    std::size_t reply_stride_ = 0;
    std::size_t reply_size_ = 0;
    std::size_t* reply_sizes_ = nullptr;
};

// A UDP server socket for one loop: SO_REUSEPORT, IP_FREEBIND, IP_PKTINFO, batches of recvmmsg and
// sendmmsg, all memory taken at bind(). Used, and destroyed, on its loop's thread or while the loop
// does not run.
class UdpSocket {
public:
    // Port 0 takes a free one. Errors carry what to do: who may hold the port, which capability is
    // missing. kConflict: the address is in use; kRefused: no permission.
    [[nodiscard]] static Result<std::unique_ptr<UdpSocket>> bind(EventLoop& loop,
                                                                 const Endpoint& local,
                                                                 const UdpOptions& options = {});
    // Goes on with one that is bound already, by bind() of a process before this one.
    [[nodiscard]] static std::unique_ptr<UdpSocket> adopt(EventLoop& loop, FileDescriptor bound,
                                                          const UdpOptions& options = {});
    ~UdpSocket();

    // Calls `on_batch` for whatever arrives from now on. After eight full batches in a row
    // the loop's other work gets a turn. The handler must not destroy the socket; it may post that.
    void start(std::function<void(UdpBatch&)> on_batch);

    // Handles what has arrived by now, one batch at most: for a loop whose other work is long. Not
    // from within the batch handler.
    void poll();

    // Sends one datagram at once: for answers that were not ready in their batch. The source
    // address is path.local. False when the kernel did not take it (full buffer, no
    // route): as good as lost on the wire.
    bool send(const UdpPath& path, ByteView payload) noexcept;

    [[nodiscard]] const Endpoint& local() const noexcept;
    // Borrowed, to be handed on.
    [[nodiscard]] int descriptor() const noexcept;
    // Replies that the kernel did not take.
    [[nodiscard]] std::uint64_t send_failures() const noexcept;

private:
    struct Impl;
    explicit UdpSocket(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::runtime
