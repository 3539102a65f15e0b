#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/document.h"
#include "config/yaml_tree.h"

// What no field can judge alone. The document was read without an error; `root` is what it was read
// from and gives the places.
namespace hearth::config {

struct CheckContext {
    const Document& document;
    const Value& root;
    Diagnostics& diagnostics;
};

// Somebody of ours who listens.
struct Listener {
    Endpoint endpoint;
    std::string what;
    Span place;
    std::optional<Transport> transport{};  // none: both
};

// Fills in what depends on the rest: candidates of VIPs that name none, virtual router
// numbers, addresses of upstreams that are named as records.
void complete(Document& document);

void check_network(CheckContext& context);  // domain, lan, nodes, vips
// Of check_network: where a VIP is written, and how it moves, alone and with earlier ones.
[[nodiscard]] Span vip_place(const CheckContext& context, const Vip& vip);
void check_vip_links(CheckContext& context, const Vip& vip);
void check_vip_options(CheckContext& context, const Vip& vip);
void check_vip_moves(CheckContext& context, const Vip& vip, const Vip& earlier);
void check_pools(CheckContext& context);     // where their addresses are, and who asks them
void check_names(CheckContext& context);     // names that two things claim, records
void check_dns(CheckContext& context);       // upstreams, forward zones, blocking
void check_ports(CheckContext& context);     // who listens where
void check_routes(CheckContext& context);    // hosts and paths of services
void check_redirects(CheckContext& context);  // those that lead in a circle
void check_services(CheckContext& context);  // upstreams that lead back to the proxy

// Services on ports of a VIP, where none of `listeners` is.
void check_balancing(CheckContext& context, const std::vector<Listener>& listeners);

}  // namespace hearth::config
