#include "certs/bind/plan.h"

#include <algorithm>
#include <utility>

#include "certs/core/scope.h"

namespace hearth::certs {
namespace {

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return text;
}

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
    add(plan, {Consumer::kProxy, std::string(config::kOwnLabel) + "." + plan.domain, {}});
    for (const config::Service& service : document.services) {
        if (service.upstreams.empty()) continue;  // hearth-lb's
        add(plan, {Consumer::kProxy, lower_case(service.name) + "." + plan.domain, {}});
        for (const std::string& alias : service.aliases)
            add(plan, {Consumer::kProxy, lower_case(alias) + "." + plan.domain, {}});
    }
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
