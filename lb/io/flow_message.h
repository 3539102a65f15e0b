#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip.h"

struct nlmsghdr;

// What the kernel tells about flows: messages of ctnetlink and sock_diag, whose lengths are right
// in the header (mnl_nlmsg_ok) and nowhere else.
namespace hearth::lb {

enum class FlowProtocol : std::uint8_t { kTcp = 6, kUdp = 17 };

// A flow that is tracked.
struct TrackedFlow {
    FlowProtocol protocol = FlowProtocol::kUdp;
    Endpoint client;
    Endpoint addressee;  // as the client knows it
    Endpoint answerer;   // who is behind that
    // What names it, as the kernel wrote it: its original tuple and its zone.
    std::vector<std::uint8_t> name;
};

// None when it is of another protocol, or damaged.
[[nodiscard]] std::optional<TrackedFlow> parse_tracked_flow(const nlmsghdr* message);

// How many flows are tracked.
struct FlowCount {
    std::uint32_t now = 0;
    std::uint32_t most = 0;
};
[[nodiscard]] std::optional<FlowCount> parse_flow_count(const nlmsghdr* message);

// A TCP socket of this host.
struct LocalSocket {
    Endpoint own;
    Endpoint peer;
};
[[nodiscard]] std::optional<LocalSocket> parse_local_socket(const nlmsghdr* message);

}  // namespace hearth::lb
