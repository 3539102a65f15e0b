#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/ip.h"
#include "dns/core/upstream_state.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::dns {

// UDP sockets towards upstreams: one connected socket per upstream and slot, on a port the kernel
// chose at random, replaced by one on another port after a few dozen questions (RFC 5452 §9.2). The
// replaced one listens on for late answers. Connected, so that only the upstream's own
// address gets through. Belongs to one loop's thread.
class UpstreamSockets {
public:
    using OnDatagram = std::function<void(UpstreamIndex upstream, unsigned slot, ByteView packet)>;

    UpstreamSockets(runtime::EventLoop& loop, OnDatagram on_datagram);
    ~UpstreamSockets();

    // As good as lost on the wire when the kernel does not take it.
    void send(UpstreamIndex upstream, const Endpoint& endpoint, unsigned slot, ByteView packet);
    // Closes what was replaced and what nobody used for a while; now and then.
    void tidy();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::dns
