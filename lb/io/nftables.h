#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "lb/core/nft_plan.h"

namespace hearth::lb {

// Our own table `inet hearth`, and no other, through netlink. As nft prints it:
//
//   table inet hearth {
//     set vips    { type ipv4_addr; }                                 and vips6, ports6,
//     set ports   { type ipv4_addr . inet_proto . inet_service; }     passing6, with rules
//     set passing { type ipv4_addr . inet_proto . inet_service; }     like these
//     chain input { type filter hook input priority 110; ip daddr @vips jump vip }
//     set numbers { type inet_service; }                       of the ports
//     chain prerouting {
//       type filter hook prerouting priority raw;
//       th dport & 65040 == 16 th dport @numbers jump to       the bits that all numbers share
//     }
//     chain output {
//       type filter hook output priority raw;
//       th dport & 65040 == 16 th dport @numbers jump to
//       th sport & 65040 == 16 th sport @numbers jump from
//     }
//     chain to { ip daddr . meta l4proto . th dport @ports notrack }
//     chain from { ip saddr . meta l4proto . th sport @ports notrack }
//     chain vip {
//       ip daddr . meta l4proto . th dport @ports accept
//       ip saddr . meta l4proto . th sport @ports accept
//       ip saddr . meta l4proto . th sport @passing accept
//       tcp flags & rst == rst accept
//       meta l4proto icmp accept
//       meta l4proto tcp reject with tcp reset
//       reject
//     }
//   }
//
// The rules for source ports are for this host's own connections to a VIP, whose answers come
// to a VIP as well. The chain comes after source translation (100), so that an answer of a
// service's backend already has the VIP as its source. What comes to a port of a service itself has
// no backend, or may not have one.
//
// What our daemons answer is not tracked: it costs nothing, a full table of connections
// does not matter to it, and rules of Docker or k3s that send port 53 or 80 of every local address
// to a container do not get it, because translation needs tracking.
//
// Calls are answered by the kernel at once. Needs CAP_NET_ADMIN.
class Nftables {
public:
    [[nodiscard]] static Result<Nftables> open();
    ~Nftables();
    Nftables(Nftables&&) noexcept;
    Nftables& operator=(Nftables&&) noexcept;

    // Netlink's number of our socket (nft_monitor.h).
    [[nodiscard]] std::uint32_t netlink_port() const noexcept;
    [[nodiscard]] Result<InstalledRules> read();
    // One transaction: all of it or nothing.
    [[nodiscard]] Result<void> commit(std::span<const NftOperation> operations);

private:
    struct Impl;
    explicit Nftables(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::lb
