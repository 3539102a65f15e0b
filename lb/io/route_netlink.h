#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"
#include "lb/io/route_message.h"

namespace hearth::runtime {
class EventLoop;
}

// Interfaces, addresses and neighbours by rtnetlink. Calls are answered by the kernel at once.
namespace hearth::lb {

class RouteNetlink {
public:
    static constexpr int kLoopback = 1;

    [[nodiscard]] static Result<RouteNetlink> open();
    ~RouteNetlink();
    RouteNetlink(RouteNetlink&&) noexcept;
    RouteNetlink& operator=(RouteNetlink&&) noexcept;

    [[nodiscard]] Result<std::vector<Interface>> interfaces();
    [[nodiscard]] Result<std::vector<InterfaceAddress>> addresses();

    // VIPs as /32 and /128 on the loopback interface, with a mark that tells them from everybody
    // else's, also where they are on another interface: what a crashed instance left can be found
    // again. Adding what is there and removing what is not are no errors.
    [[nodiscard]] Result<std::vector<IpAddress>> held_vips();
    [[nodiscard]] Result<void> hold_vip(IpAddress address, int interface = kLoopback);
    [[nodiscard]] Result<void> drop_vip(IpAddress address, int interface = kLoopback);

    // On `interface` for kLoan from now, renewed by calling it again: the kernel takes it away when
    // whoever said so is dead or stopped. Rounded to seconds.
    static constexpr Duration kLoan = 3s;
    [[nodiscard]] Result<void> lend_vip(IpAddress address, int interface);

    // arp_ignore=1 and arp_announce=2: the kernel neither answers ARP for addresses of other
    // interfaces (the VIPs) nor asks in their name.
    [[nodiscard]] Result<void> keep_vips_quiet(int interface);
    // What comes in there for other machines is forwarded; other interfaces stay as they are.
    [[nodiscard]] Result<void> forward_ipv4(int interface);

    // Asks neighbours there that have not answered the kernel for kPatience anew with the next packet
    // for them: it holds back all packets, and asks only once a second (RFC 4861 §10,
    // RETRANS_TIMER). What it held back for them is lost.
    static constexpr Duration kPatience = 20ms;
    [[nodiscard]] Result<void> ask_neighbours_anew(int interface);

private:
    struct Impl;
    explicit RouteNetlink(std::unique_ptr<Impl> impl);
    enum class Stay : std::uint8_t { kForGood, kOnLoan };
    [[nodiscard]] Result<void> change_vip(int type, int flags, IpAddress address, int interface,
                                          Stay stay = Stay::kForGood);
    std::unique_ptr<Impl> impl_;
};

// Calls `on_change` on `loop` after links or addresses changed, or notifications were lost.
class RouteMonitor {
public:
    [[nodiscard]] static Result<std::unique_ptr<RouteMonitor>> open(
        runtime::EventLoop& loop, std::function<void()> on_change);
    ~RouteMonitor();

private:
    struct Impl;
    explicit RouteMonitor(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
