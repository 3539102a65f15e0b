#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "base/result.h"
#include "config/document.h"
#include "lb/io/lan_driver.h"
#include "lb/io/peer_hub.h"
#include "lb/io/track_watch.h"
#include "lb/model/balanced_service.h"
#include "lb/model/port_rules.h"

namespace hearth::lb {

// How hearth-lb asks one daemon of this node whether it serves.
struct WatchedDaemon {
    Daemon daemon = Daemon::kDns;
    std::optional<Endpoint> dns;  // where the SOA is asked; none: the control socket's /health
};

// The document as hearth-lb on one node carries it out.
struct Plan {
    std::string node;  // empty when this machine is none of the document's and has nothing to do
    Name domain;
    std::vector<IpPrefix> networks;
    IpAddress address;                       // the node's
    std::vector<PeerNode> nodes;             // all of the document's
    std::map<IpAddress, std::string> names;  // of the nodes, by each address they have
    LanSettings lan;
    PortRules ports;
    std::vector<BalancedService> services;  // on VIPs this node is a candidate for
    std::vector<WatchedDaemon> watched;
    TrackedTargets tracked;  // scripts and ports
    std::vector<Vip> vips;   // all of the document's
    std::uint16_t peer_port = 0;
    std::string peer_key_file;
    std::string hash;  // of the document

    [[nodiscard]] bool is_own(const IpAddress& some) const {
        const auto found = names.find(some);
        return found != names.end() && found->second == node;
    }
};

// `own_name` may be empty: then the node is the one whose address is among `own_addresses`.
[[nodiscard]] Result<Plan> make_plan(const config::Document& document, const std::string& own_name,
                                     const std::vector<IpAddress>& own_addresses);

}  // namespace hearth::lb
