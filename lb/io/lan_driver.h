#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "lb/core/reconciler.h"
#include "lb/io/lan_link.h"
#include "lb/io/open_connections.h"
#include "lb/io/tcp_flows.h"
#include "lb/model/virtual_router.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::lb {

// What a virtual router tracks by this name is that interface.
[[nodiscard]] std::string track_name(const std::string& interface);

struct LanSettings {
    std::vector<LinkSettings> links;      // known by their address
    Backends backends = Backends::kNone;  // of services on ports, on VIPs among these
    // Packets that come in on the LAN's interfaces go on to other machines: to backends.
    enum class Forwarding : std::uint8_t { kAsItIs, kNeeded };
    Forwarding forwarding = Forwarding::kAsItIs;  // IPv4
    Forwarding forwarding6 = Forwarding::kAsItIs;
};

// As it is now; valid until the next call to the driver.
struct LinkView {
    std::string interface;  // empty: none
    const LinkSettings* settings = nullptr;
    std::vector<RouterView> routers;
    std::optional<RefusedAdvert> refused;
};
struct LanView {
    std::vector<LinkView> links;
    std::vector<IpAddress> addresses;  // VIPs on this host
    NeighbourCounters arp;
    NeighbourCounters ndp;
    DropCounters drops;
    std::uint64_t send_failures = 0;
    OpenConnections::Asked connections_asked;
};

// This node on the home's networks: a LanLink for each, which know nothing of each other, and what
// they share of the host: timers, rtnetlink's news and the VIPs on the loopback interface. Whatever
// the host refuses becomes a problem, never an end. Without virtual routers it opens nothing and
// needs no privilege.
//
// Used and destroyed on the loop's thread.
class LanDriver {
public:
    struct Handlers {
        std::function<void(const TransitionReport&)> on_transition;
        std::function<void(const ConflictReport&)> on_conflict;
    };

    LanDriver(runtime::EventLoop& loop, runtime::Problems& problems, Handlers handlers);
    ~LanDriver();

    // VIPs that are new appear, those that are gone are handed over, the others do not notice.
    void apply(const LanSettings& settings);
    void set_health(Daemon daemon, Health health);
    void set_track(const std::string& subject, Health health);
    void set_duty(Duty duty);
    Reconciler::Taken take(std::string_view vip);
    void on_node_vanished(IpAddress node);
    // Hands every VIP over, serves a little longer for those who still come here, takes the VIPs
    // off the host, then calls `done`.
    void stop(std::function<void()> done);

    [[nodiscard]] LanView view() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
