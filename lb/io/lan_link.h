#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "lb/core/reconciler.h"
#include "lb/io/packet_port.h"
#include "lb/io/route_netlink.h"
#include "lb/model/virtual_router.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

// One of the home's networks as this node is on it.
struct LinkSettings {
    IpAddress address;      // this node's
    std::string interface;  // empty: the one that carries `address`
    std::vector<VirtualRouter> routers;
    // Where the other nodes are on this network, by the address that `nodes` has for them.
    std::map<IpAddress, IpAddress> others;
};

// A Reconciler on one real interface: packet sockets, carrier, addresses, and the VIPs that are on
// the interface on loan. What is the host's is LanDriver's.
//
// Used and destroyed on the loop's thread.
class LanLink {
public:
    // What is wrong with it, by the name of the problem.
    using Troubles = std::map<std::string, std::string, std::less<>>;
    static constexpr std::string_view kTroubles[] = {"lan_missing", "lan_no_carrier", "lan_no_ipv6",
                                                     "vip_no_socket", "vip_loan"};

    // `on_packet` is called after each packet that the reconciler got.
    LanLink(runtime::EventLoop& loop, IpAddress address, std::function<void()> on_packet);
    ~LanLink();

    void apply(const LinkSettings& settings);
    // Its VIPs are handed over; done when is_idle().
    void retire();
    [[nodiscard]] bool is_retired() const noexcept { return is_retired_; }
    [[nodiscard]] bool is_idle() const noexcept { return reconciler_.is_idle(); }

    // What rtnetlink tells of the host now.
    void follow(const std::vector<Interface>& links,
                const std::vector<InterfaceAddress>& addresses);
    // VIPs of `announce: address`: what is there still, and what ought to be.
    void note_loans(const std::vector<InterfaceAddress>& found);
    [[nodiscard]] bool lends(const InterfaceAddress& one) const;
    enum class Loans : std::uint8_t { kAsTheyWere, kRenewed };
    Loans renew_loans(RouteNetlink& route);

    void send(std::span<const Frame> frames);
    void listen_for_neighbours();
    void close();

    [[nodiscard]] TimePoint next_deadline() const noexcept;
    [[nodiscard]] Reconciler& reconciler() noexcept { return reconciler_; }
    [[nodiscard]] const Reconciler& reconciler() const noexcept { return reconciler_; }
    [[nodiscard]] const LinkSettings& settings() const noexcept { return settings_; }
    [[nodiscard]] const Troubles& troubles() const noexcept { return troubles_; }
    // Empty and 0 while there is none.
    [[nodiscard]] std::string interface_name() const { return port_ ? name_ : ""; }
    [[nodiscard]] int interface_index() const noexcept { return port_ ? index_ : 0; }
    [[nodiscard]] std::uint64_t send_failures() const noexcept;

private:
    [[nodiscard]] const Interface* find_interface(
        const std::vector<Interface>& links, const std::vector<InterfaceAddress>& addresses) const;
    void lose(std::string why);
    void open_port(const Interface& link);
    void check_link_local(const Interface& link, const LanState& state);
    void report(std::string_view trouble, const Result<void>& done);

    runtime::EventLoop& loop_;
    std::function<void()> on_packet_;
    LinkSettings settings_;
    Reconciler reconciler_;
    Troubles troubles_;
    std::unique_ptr<PacketPort> port_;
    int index_ = 0;
    std::string name_;
    std::vector<IpAddress> heard_about_;  // what the filters let through
    std::vector<IpAddress> lent_;         // VIPs that are on the interface, too
    TimePoint renewal_{};                 // of these loans
    bool is_retired_ = false;
};

}  // namespace hearth::lb
