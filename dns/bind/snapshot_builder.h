#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "config/document.h"
#include "dns/bind/house_names.h"
#include "dns/core/snapshot.h"
#include "dns/io/blocklist_file.h"

// From the document to what the core works with; pure functions.
namespace hearth::dns {

// The node this daemon runs on: `wanted` if given, else the one with an address of this machine.
// Null when there is none; kNotFound when `wanted` is not in the document.
[[nodiscard]] Result<const config::Node*> choose_node(const config::Document& document,
                                                      std::string_view wanted,
                                                      const std::vector<IpAddress>& own);

// dns.listen, else the VIP's and the node's address at port 53.
[[nodiscard]] std::vector<Endpoint> listen_endpoints(const config::Document& document,
                                                     const config::Node* node);

// Everything except the lists' image, the connected networks and the generations.
[[nodiscard]] Snapshot build_snapshot(const config::Document& document, const config::Node* node,
                                      const HouseNames& names);

// Puts other names into a snapshot.
void use_names(Snapshot& snapshot, const HouseNames& names);

// loopback, lan, dns.clients and the networks this machine is in.
[[nodiscard]] std::vector<IpPrefix> served_clients(const config::Document& document,
                                                   const std::vector<IpPrefix>& connected);

// Equal on all nodes of a home whatever revision they run, as long as domain and lan stay
// (LoopGuard).
[[nodiscard]] std::uint64_t house_mark(const config::Document& document);

}  // namespace hearth::dns
