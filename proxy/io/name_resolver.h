#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ip.h"
#include "proxy/core/balancer.h"
#include "proxy/model/service.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::proxy {

// Addresses of upstreams that the document names by host name.
using HostAddresses = std::map<std::string, std::vector<IpAddress>, std::less<>>;

// Where an upstream is to be found; empty while its name is not resolved.
[[nodiscard]] std::vector<Endpoint> endpoints_of(const UpstreamSpec& spec,
                                                 const HostAddresses& addresses);

// What checks and the operator say of a service's endpoints; those not in it serve.
using UpstreamStates = std::map<std::pair<std::string, Endpoint>, TargetState>;

// Follows what host names resolve to, by /etc/hosts and the resolvers of /etc/resolv.conf (read
// anew for each look-up). A name is asked again when its TTL ends, at the earliest after 5 s
// and at the latest after 60 s; while it cannot be resolved its last addresses stay. On one loop.
class NameResolver {
public:
    // `changed` gets the addresses of all names whenever those of one have changed.
    using Changed = std::function<void(std::shared_ptr<const HostAddresses>)>;

    NameResolver(runtime::EventLoop& loop, Changed changed);
    ~NameResolver();

    // From now on these names and no others.
    void follow(const std::set<std::string>& names);

private:
    class Lookup;
    struct Followed;

    void ask(const std::string& name);
    void answered(const std::string& name, std::vector<IpAddress> addresses, int ttl);

    runtime::EventLoop& loop_;
    Changed changed_;
    std::map<std::string, std::unique_ptr<Followed>> followed_;
    HostAddresses addresses_;
};

}  // namespace hearth::proxy
