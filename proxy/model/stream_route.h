#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ip.h"
#include "base/time.h"

// Services whose octets are passed on without a look inside.
namespace hearth::proxy {

enum class StreamKind : std::uint8_t {
    kNone,  // it answers requests
    kTls,   // connections to the HTTPS port whose ClientHello asks for the service's name
    kTcp,   // connections to a port of its own
    kUdp,   // datagrams to a port of its own, by client
};

struct StreamRoute {
    StreamKind kind = StreamKind::kNone;
    std::vector<Endpoint> listen;  // kTcp, kUdp
    std::vector<IpPrefix> allow;   // empty: everybody
    Duration idle_timeout = 1h;    // nothing moved either way
    std::size_t most = 4096;       // connections, or clients of kUdp, at a time
};

}  // namespace hearth::proxy
