#pragma once

#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "lb/io/flow_table.h"

namespace hearth::lb {

// Are there services on ports? Without them nothing is passed on, and what the kernel tracks need
// not be read: that takes it 10 ms for each family, however little it is.
enum class Backends { kNone, kSome };

// The TCP connections to `servers` that this host serves: with sockets of its own (sock_diag;
// those that listen are left out), or by passing them on to backends (ctnetlink). The kernel
// answers at once.
[[nodiscard]] Result<std::vector<TcpFlow>> tcp_flows_of_host(Backends backends,
                                                             const std::vector<IpAddress>& servers);

}  // namespace hearth::lb
