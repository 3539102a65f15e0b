#include "dns/bind/upstream_groups.h"

namespace hearth::dns {
namespace {

UpstreamProtocol protocol_of(config::UpstreamProtocol protocol) {
    switch (protocol) {
        case config::UpstreamProtocol::kUdp: return UpstreamProtocol::kUdp;
        case config::UpstreamProtocol::kTcp: return UpstreamProtocol::kTcp;
        case config::UpstreamProtocol::kTls: return UpstreamProtocol::kTls;
        case config::UpstreamProtocol::kHttps: return UpstreamProtocol::kHttps;
        case config::UpstreamProtocol::kRecursive: return UpstreamProtocol::kRecursive;
    }
    return UpstreamProtocol::kUdp;
}

UpstreamStrategy strategy_of(config::UpstreamStrategy strategy) {
    switch (strategy) {
        case config::UpstreamStrategy::kFastest: return UpstreamStrategy::kFastest;
        case config::UpstreamStrategy::kStrict: return UpstreamStrategy::kStrict;
        case config::UpstreamStrategy::kParallel: return UpstreamStrategy::kParallel;
    }
    return UpstreamStrategy::kFastest;
}

}  // namespace

UpstreamGroup group_of(const std::vector<config::Upstream>& upstreams,
                       config::UpstreamStrategy strategy) {
    UpstreamGroup group;
    group.strategy = strategy_of(strategy);
    for (const auto& upstream : upstreams) {
        UpstreamServer& server = group.servers.emplace_back(
            upstream.endpoint, protocol_of(upstream.protocol), upstream.host, upstream.path);
        server.unresolved = upstream.name;
        server.pins = upstream.pins;
    }
    return group;
}

UpstreamGroup public_group_of(const std::vector<config::Upstream>& upstreams,
                              const config::Dns& dns) {
    UpstreamGroup group = group_of(upstreams, dns.strategy);
    for (UpstreamServer& server : group.servers) server.client_subnet = dns.client_subnet;
    return group;
}

}  // namespace hearth::dns
