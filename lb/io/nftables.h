#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "lb/core/nft_plan.h"

namespace hearth::lb {

// Our own table `inet hearth`, and no other, through netlink. As nft prints it:
//
//   table inet hearth {
//     set vips  { type ipv4_addr; }                                 and vips6, ports6,
//     set ports { type ipv4_addr . inet_proto . inet_service; }     with rules like these
//     chain input { type filter hook input priority 110; ip daddr @vips jump vip }
//     chain vip {
//       ip daddr . meta l4proto . th dport @ports accept
//       ip saddr . meta l4proto . th sport @ports accept
//       tcp flags & rst == rst accept
//       meta l4proto icmp accept
//       meta l4proto tcp reject with tcp reset
//       reject
//     }
//   }
//
// The second and third rule are for this host's own connections to a VIP, whose answers come
// to a VIP as well. No connection tracking: DNS would pay for it. The chain comes after source
// translation (100), so that an answer of a service's backend already has the VIP as its source.
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
