#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mac.h"
#include "base/result.h"
#include "lb/core/reconciler.h"
#include "lb/io/tcp_flows.h"

namespace hearth::lb {

// What comes in on one interface.
struct LedBack {
    std::string interface;
    int index = 0;
    MacAddress own;  // the interface's
    std::vector<Redirect> redirects;

    friend bool operator==(const LedBack&, const LedBack&) = default;
};

// Open TCP connections survive a planned move: what arrives here for a VIP and belongs to no
// connection of this host goes back to the node that owned the VIP before, as it came, under that
// node's Ethernet address; the node answers the client directly. Our own table `netdev hearth`, as
// nft prints it:
//
//   table netdev hearth {
//     set flows { type ipv4_addr . inet_service . ipv4_addr . inet_service; flags dynamic; … }
//     chain ingress2 {
//       type filter hook ingress device "eth0" priority 0;
//       ip daddr VIP meta l4proto tcp @ll,48,48 OLD accept                     came back from there
//       ip daddr VIP tcp flags syn / syn,ack update @flows { … } accept        begins here
//       ip daddr VIP ip saddr . tcp sport . ip daddr . tcp dport @flows accept
//       ip daddr VIP meta l4proto tcp @ll,0,48 set OLD @ll,48,48 set OURS fwd to "eth0"
//     }
//   }
//
// and the same for IPv6 with `flows6`. Each interface has a chain, by its number, which is there
// only while a redirect is in force: no other packet pays for it.
//
// Calls are answered by the kernel at once. Needs CAP_NET_ADMIN.
class FlowRedirect {
public:
    // Makes the table anew, whatever an earlier instance left of it.
    [[nodiscard]] static Result<FlowRedirect> open();
    ~FlowRedirect();
    FlowRedirect(FlowRedirect&&) noexcept;
    FlowRedirect& operator=(FlowRedirect&&) noexcept;

    // All that is led elsewhere: at most one of each interface. What this host has itself stays
    // with it: `own`, and connections that begin from now on.
    [[nodiscard]] Result<void> apply(const std::vector<LedBack>& all,
                                     const std::vector<TcpFlow>& own);
    // The table is as open() made it, whatever somebody else did to it.
    [[nodiscard]] Result<void> restore();
    // Netlink's number of the socket that changes it.
    [[nodiscard]] std::uint32_t netlink_port() const noexcept;
    // Takes the table away.
    [[nodiscard]] Result<void> withdraw();

private:
    struct Impl;
    explicit FlowRedirect(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::lb
