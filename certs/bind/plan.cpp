#include "certs/bind/plan.h"

#include <algorithm>
#include <utility>

#include "certs/core/scope.h"

namespace hearth::certs {
namespace {

// What no certificate can name is not reached by HTTPS.
void add(Plan& plan, WantedLeaf leaf) {
    if (!is_host_name(leaf.name)) return;
    const auto known = std::ranges::find_if(plan.leaves, [&](const WantedLeaf& each) {
        return each.consumer == leaf.consumer && each.name == leaf.name;
    });
    if (known == plan.leaves.end()) {
        plan.leaves.push_back(std::move(leaf));
    } else {
        known->addresses.insert(known->addresses.end(), leaf.addresses.begin(),
                                leaf.addresses.end());
    }
}

void add_proxy(Plan& plan, const config::Document& document) {
    const config::Proxy& proxy = document.proxy;
    if (!proxy.tls.local_ca || !proxy.serves_https()) return;
    for (const std::string& name : config::proxied_names(document))
        add(plan, {Consumer::kProxy, name, {}});
}

// Also asked at the nodes' own addresses. The same on every node: which of them this is does not
// matter.
void add_dns(Plan& plan, const config::Document& document) {
    if (!document.dns.tls.local_ca) return;
    const bool has_vip = document.find_vip(document.dns.vip) != nullptr;
    for (config::DnsServer& server : config::dns_servers(document)) {
        if (has_vip)
            for (const config::Node& node : document.nodes)
                server.addresses.push_back(node.address);
        add(plan, {Consumer::kDns, server.name.to_string(), std::move(server.addresses)});
    }
}

}  // namespace

Plan make_plan(const config::Document& document) {
    Plan plan;
    plan.domain = document.domain.to_string();
    add_proxy(plan, document);
    add_dns(plan, document);
    plan.makes_root = document.nodes.size() == 1;
    return plan;
}

}  // namespace hearth::certs
