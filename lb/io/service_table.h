#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "lb/core/service_plan.h"

namespace hearth::lb {

// Connections by port (the first one of a range) and slot.
using SlotHits = std::map<OpenPort, std::map<std::uint32_t, std::uint64_t>>;

// The table `ip hearth` or `ip6 hearth`: which backend a connection to a service's port goes to. As
// nft prints it, more or less:
//
//   table ip hearth {
//     map services { type ipv4_addr . inet_proto . inet_service : verdict
//                    elements = { 10.0.0.101 . tcp . 1883 : goto random-24 } }
//     map backends { type ipv4_addr . inet_proto . inet_service . mark : ipv4_addr . inet_service
//                    counter
//                    elements = { 10.0.0.101 . tcp . 1883 . 0 : 10.0.0.11 . 1883, … } }
//     map affinity { type ipv4_addr . ipv4_addr . inet_proto . inet_service
//                         : ipv4_addr . inet_service
//                    flags dynamic,timeout }
//     set vips     { type ipv4_addr }
//     chain prerouting  { type nat hook prerouting priority dstnat - 10; jump services }
//     chain output      { type nat hook output priority -110; jump services }
//     chain postrouting {
//       type nat hook postrouting priority srcnat - 10;
//       ct status dnat ct original ip daddr @vips masquerade
//     }
//     chain services { ip daddr . meta l4proto . th dport vmap @services }
//     chain random-24 {
//       dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 24 map @backends
//     }
//   }
//
// Two lookups for each new connection, however many services there are; packets of known
// connections do not pass here. Another backend is other elements of `backends`, whose cost does
// not depend on how much else is there: rules and verdicts would make the kernel look at the whole
// table again. A port without a backend has no elements: its connections come to the VIP itself,
// where the firewall refuses them (port_guard.h).
//
// What leaves this node is masqueraded: the backend would otherwise answer a client of its own
// network directly. A backend on this node sees the client's address.
//
// Calls are answered by the kernel at once. Needs CAP_NET_ADMIN.
class ServiceTable {
public:
    [[nodiscard]] static Result<ServiceTable> open(IpFamily family);
    ~ServiceTable();
    ServiceTable(ServiceTable&&) noexcept;
    ServiceTable& operator=(ServiceTable&&) noexcept;

    // Netlink's number of our socket (nft_monitor.h).
    [[nodiscard]] std::uint32_t netlink_port() const noexcept;
    [[nodiscard]] Result<InstalledServices> read();
    // Transactions of some hundred ports each: all of one port or nothing.
    [[nodiscard]] Result<void> commit(std::span<const ServiceOperation> operations);
    // One transaction.
    [[nodiscard]] Result<void> remove_chains(std::span<const std::string> chains);

    // New connections since the elements were made, by slot: all, or those of some slots.
    [[nodiscard]] Result<SlotHits> hits();
    [[nodiscard]] Result<SlotHits> hits(const OpenPort& port, std::span<const SlotChange> slots);
    // Clients forget the backends that are not `kept`.
    using IsKept = std::function<bool(const OpenPort&, const Endpoint&)>;
    [[nodiscard]] Result<void> forget_clients(const IsKept& is_kept);

private:
    struct Impl;
    explicit ServiceTable(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::lb
