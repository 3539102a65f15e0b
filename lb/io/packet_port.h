#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/mac.h"
#include "base/result.h"
#include "lb/model/frame.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

// ARP, neighbour discovery and VRRP on one interface, through packet sockets: a host firewall
// neither blinds nor mutes them. IPv6 is not touched until an address of that family is heard
// about. Used and destroyed on the loop's thread; no handler runs after destruction.
class PacketPort {
public:
    struct Handlers {
        std::function<void(ByteView payload, Delivery delivery)> on_arp;
        std::function<void(ByteView packet, MacAddress from, Delivery delivery)> on_ndp;
        std::function<void(ByteView packet, MacAddress from)> on_vrrp;
    };

    // Needs CAP_NET_RAW.
    [[nodiscard]] static Result<std::unique_ptr<PacketPort>> open(runtime::EventLoop& loop,
                                                                  int interface, Handlers handlers);
    ~PacketPort();

    // Only ARP and neighbour discovery that name one of these wake us up. Switches are told that
    // questions about the IPv6 ones among `vips` belong here, too (MLD).
    [[nodiscard]] Result<void> hear_about(const std::vector<IpAddress>& addresses,
                                          const std::vector<IpAddress>& vips);

    // Never waits; what the interface does not take now is lost, as on any Ethernet.
    void send(const Frame& frame);
    [[nodiscard]] std::uint64_t send_failures() const noexcept;

private:
    struct Impl;
    explicit PacketPort(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
