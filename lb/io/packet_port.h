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

// ARP and VRRP on one interface, through packet sockets: a host firewall neither blinds nor
// mutes them. Used and destroyed on the loop's thread; no handler runs after destruction.
class PacketPort {
public:
    struct Handlers {
        std::function<void(ByteView payload, Delivery delivery)> on_arp;
        std::function<void(ByteView packet, MacAddress from)> on_vrrp;
    };

    // Needs CAP_NET_RAW.
    [[nodiscard]] static Result<std::unique_ptr<PacketPort>> open(runtime::EventLoop& loop,
                                                                  int interface, Handlers handlers);
    ~PacketPort();

    // Only ARP that names one of these, as sender or target, wakes us up.
    [[nodiscard]] Result<void> hear_arp_about(const std::vector<IpAddress>& addresses);

    // Never waits; what the interface does not take now is lost, as on any Ethernet.
    void send(const Frame& frame);
    [[nodiscard]] std::uint64_t send_failures() const noexcept;

private:
    struct Impl;
    explicit PacketPort(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
