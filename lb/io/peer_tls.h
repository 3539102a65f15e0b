#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"
#include "runtime/file_descriptor.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

// The home's shared secret: 32 octets.
using PeerKey = std::array<std::uint8_t, 32>;

enum class PeerEnd : std::uint8_t { kDialled, kAccepted };

// How a TCP connection to a node that answers ARP came out.
enum class DialOutcome : std::uint8_t { kConnected, kRefused, kUnreachable };

// Connects from `local`; `done` runs once on the loop, never inside this call, with the socket
// when connected.
void dial_peer(runtime::EventLoop& loop, const IpAddress& local, const Endpoint& peer,
               Duration timeout, std::function<void(DialOutcome, runtime::FileDescriptor)> done);

// One TLS 1.3 connection between two nodes, authenticated both ways by the key alone (RFC 8446
// §2.2, with Diffie-Hellman). Driven on its non-blocking socket.
//
// Used and destroyed on the loop's thread; no handler runs after destruction, and a handler may
// destroy it.
class PeerTls {
public:
    struct Handlers {
        std::function<void()> on_open;  // the other side has proved that it knows the key
        std::function<void(ByteView)> on_data;
        std::function<void(const Error&)> on_closed;  // once; kUnavailable: the other side closed
    };

    PeerTls(runtime::EventLoop& loop, runtime::FileDescriptor socket, PeerEnd end,
            const PeerKey& key, Handlers handlers);
    ~PeerTls();

    // Queued and sent soon; more than a few reports waiting close the connection. No handler runs
    // inside this call, nor inside close().
    void send(ByteView bytes);
    // Sends what is queued as far as the socket takes it now, and TLS's own end.
    void close();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
