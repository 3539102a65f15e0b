#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "lb/io/flow_message.h"

namespace hearth::lb {

// One UDP flow that the kernel tracks: where the client sends to, and who answers.
struct UdpFlow {
    Endpoint addressee;
    Endpoint answerer;
};

struct TcpFlow {
    Endpoint client;
    Endpoint server;  // as the client knows it
};

// The kernel's connection tracking, through ctnetlink. A datagram of a known flow follows it
// for as long as the flow goes on, to a backend that died long ago as well: a client that
// always sends from one port would never find another.
//
// Calls are answered by the kernel at once. Needs CAP_NET_ADMIN.
class FlowTable {
public:
    [[nodiscard]] static Result<FlowTable> open();
    ~FlowTable();
    FlowTable(FlowTable&&) noexcept;
    FlowTable& operator=(FlowTable&&) noexcept;

    // Deletes the flows that `is_stale`; how many they were.
    [[nodiscard]] Result<std::size_t> remove(IpFamily family,
                                             const std::function<bool(const UdpFlow&)>& is_stale);

    // Those to `servers`.
    [[nodiscard]] Result<std::vector<TcpFlow>> tcp_to(IpFamily family,
                                                      const std::vector<IpAddress>& servers);

    // Of all protocols; 0 of 0 where the kernel does not tell.
    [[nodiscard]] Result<FlowCount> count();

private:
    struct Impl;
    explicit FlowTable(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::lb
