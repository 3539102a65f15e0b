#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "lb/model/firewall.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::lb {

// Something that must come through, as people call it: "DNS (udp/53)".
struct Passage {
    std::string what;
    IpAddress at;             // this node's address on the network where it comes in
    firewall::Packet packet;  // its interface is filled in by FirewallWatch
};

// Looks at other people's firewalls, at the beginning and whenever one changes: what they certainly
// drop of `passages` becomes problem `firewall`, with who drops it and what to do. Rules of
// iptables-legacy cannot be looked at: that there are some is problem `firewall_legacy`.
//
// Used and destroyed on the loop's thread.
class FirewallWatch {
public:
    FirewallWatch(runtime::EventLoop& loop, runtime::Problems& problems);
    ~FirewallWatch();

    void apply(std::vector<Passage> passages);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
