#include "dns/core/client_groups.h"

#include <algorithm>

namespace hearth::dns {

void ClientGroups::add(const IpAddress& client, ClientRank rank, GroupIndex group) {
    const auto [at, is_new] = hosts_.try_emplace(client, Host{rank, group});
    if (!is_new && rank < at->second.rank) at->second = {rank, group};
}

void ClientGroups::add(const IpPrefix& clients, ClientRank rank, GroupIndex group) {
    const auto after = std::find_if(networks_.begin(), networks_.end(), [&](const Network& other) {
        if (rank != other.rank) return rank < other.rank;
        return clients.length() > other.prefix.length();
    });
    networks_.insert(after, {clients, rank, group});
}

void ClientGroups::put(const IpAddress& client, GroupIndex group) {
    hosts_.insert_or_assign(client, Host{ClientRank::kAddress, group});
}

GroupIndex ClientGroups::of(const IpAddress& client) const noexcept {
    if (const auto host = hosts_.find(client); host != hosts_.end()) return host->second.group;
    for (const Network& network : networks_)
        if (network.prefix.contains(client)) return network.group;
    return kDefaultGroup;
}

}  // namespace hearth::dns
