#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "lb/core/service_plan.h"

namespace hearth::lb {

// The table `ip hearth`: which backend a connection to a service's port goes to. As nft prints it:
//
//   table ip hearth {
//     map services { type ipv4_addr . inet_proto . inet_service : verdict; }
//     set vips     { type ipv4_addr; }
//     chain prerouting  { type nat hook prerouting priority dstnat - 10; jump services }
//     chain output      { type nat hook output priority -110; jump services }
//     chain postrouting {
//       type nat hook postrouting priority srcnat - 10;
//       ct status dnat ct original ip daddr @vips masquerade
//     }
//     chain services { ip daddr . meta l4proto . th dport vmap @services }
//     chain to-… {
//       numgen random mod 2 0 dnat to 10.0.0.11:1883
//       dnat to 10.0.0.12:1883
//     }
//   }
//
// One lookup for each new connection, however many services there are; packets of known
// connections do not pass here. What leaves this node is masqueraded: the backend would otherwise
// answer a client of its own network directly. A backend on this node sees the client's address.
//
// Calls are answered by the kernel at once. Needs CAP_NET_ADMIN.
class ServiceTable {
public:
    [[nodiscard]] static Result<ServiceTable> open();
    ~ServiceTable();
    ServiceTable(ServiceTable&&) noexcept;
    ServiceTable& operator=(ServiceTable&&) noexcept;

    [[nodiscard]] Result<InstalledServices> read();
    // One transaction: all of it or nothing.
    [[nodiscard]] Result<void> commit(std::span<const ServiceOperation> operations);

private:
    struct Impl;
    explicit ServiceTable(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::lb
