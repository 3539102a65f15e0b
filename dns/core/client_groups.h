#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "dns/model/client_group.h"

namespace hearth::dns {

// By what a client was named, the most telling first: what comes earlier wins.
enum class ClientRank : std::uint8_t { kAddress, kMac, kName, kNetwork, kInterface };

// Which group an address belongs to. MAC addresses, names and interfaces are what they stand for
// by the time this is filled; a lookup is one probe and, for networks, a walk over a few prefixes.
// Built once per snapshot, immutable afterwards.
class ClientGroups {
public:
    // `rank` is kAddress, kMac or kName. Of equal ranks the first one stays.
    void add(const IpAddress& client, ClientRank rank, GroupIndex group);
    // `rank` is kNetwork or kInterface. The longest prefix wins within a rank.
    void add(const IpPrefix& clients, ClientRank rank, GroupIndex group);

    // In place of whatever it was in.
    void put(const IpAddress& client, GroupIndex group);

    [[nodiscard]] GroupIndex of(const IpAddress& client) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return hosts_.empty() && networks_.empty(); }

    friend bool operator==(const ClientGroups&, const ClientGroups&) = default;

private:
    struct Host {
        ClientRank rank{};
        GroupIndex group = kDefaultGroup;
        friend bool operator==(const Host&, const Host&) = default;
    };
    struct Network {
        IpPrefix prefix;
        ClientRank rank{};
        GroupIndex group = kDefaultGroup;
        friend bool operator==(const Network&, const Network&) = default;
    };
    std::unordered_map<IpAddress, Host> hosts_;
    std::vector<Network> networks_;  // the one to be tried first in front
};

}  // namespace hearth::dns
