#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "dns/core/block_policy.h"
#include "dns/core/cache.h"
#include "dns/core/client_groups.h"
#include "dns/core/client_names.h"
#include "dns/core/rate_limiter.h"
#include "dns/core/server_cookie.h"
#include "dns/core/zone.h"
#include "dns/model/upstream_server.h"

namespace hearth::dns {

// Servers that are asked for the same names.
struct UpstreamGroup {
    std::vector<UpstreamServer> servers;
    UpstreamStrategy strategy = UpstreamStrategy::kFastest;
    std::optional<UpstreamServer> validator{};  // asks the servers, and checks what they say

    // Who is asked: a client that sets CD wants what the servers say (RFC 4035 §3.2.2).
    [[nodiscard]] std::span<const UpstreamServer> asked(bool checking_disabled) const noexcept {
        if (validator && !checking_disabled) return {&*validator, 1};
        return servers;
    }
};

// All that answers depend on besides the cache: made by bind, immutable, shared by the workers.
// Its parts are shared between snapshots that do not differ in them.
struct Snapshot {
    std::uint64_t generation = 0;        // another one whenever any answer may differ
    std::uint64_t cache_generation = 0;  // another one when cached answers may be wrong
    Name domain;
    Name primary;  // the name of the server in SOA and NS of our zones
    std::uint32_t local_ttl = 60;
    CacheRules cache;
    std::shared_ptr<const LocalZones> zones;
    std::shared_ptr<const ClientNames> client_names;  // null: nobody has a name
    BlockPolicy blocking;                             // of clients that are in no group
    std::vector<BlockPolicy> group_policies;          // of group 1 and on
    std::shared_ptr<const ClientGroups> grouping;     // null: there are no groups
    std::vector<IpPrefix> clients;      // who is served, loopback and connected networks included
    std::vector<UpstreamGroup> groups;  // 0: the default; may be empty
    std::vector<IpAddress> home_upstreams;        // upstreams that might be our clients too
    std::shared_ptr<RateLimiter> rate_limiter;    // null: nobody is limited
    std::optional<CookieSecrets> cookie_secrets;  // nullopt: no server cookies
    std::string nsid;                             // sent to who asks for it (RFC 5001)

    // What a client is called, empty when nobody named it (ClientNames::of).
    [[nodiscard]] std::string_view client_name(const IpAddress& client) const noexcept {
        return client_names ? client_names->of(client) : std::string_view{};
    }
    // Public upstreams may give no address of the house (DNS rebinding) but for these names; null:
    // they may.
    std::shared_ptr<const NameRules> rebinding_allowed;

    [[nodiscard]] bool has_groups() const noexcept { return !group_policies.empty(); }
    [[nodiscard]] GroupIndex group_of(const IpAddress& client) const noexcept {
        return grouping ? grouping->of(client) : kDefaultGroup;
    }
    [[nodiscard]] const BlockPolicy& policy(GroupIndex group) const noexcept {
        return group == kDefaultGroup || group > group_policies.size() ? blocking
                                                                       : group_policies[group - 1U];
    }
    [[nodiscard]] bool serves(const IpAddress& client) const noexcept {
        return std::any_of(clients.begin(), clients.end(),
                           [&](const IpPrefix& prefix) { return prefix.contains(client); });
    }
};

}  // namespace hearth::dns
