#include "proxy/bind/plan.h"

#include <algorithm>
#include <thread>

namespace hearth::proxy {

namespace {

constexpr unsigned kMostWorkers = 4;

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return text;
}

Service make_service(const config::Service& from, const std::string& domain) {
    Service service;
    service.name = from.name;
    std::vector<std::string> names{from.name};
    names.insert(names.end(), from.aliases.begin(), from.aliases.end());
    for (const std::string& name : names) {
        service.hosts.push_back(lower_case(name) + "." + domain);
        service.hosts.push_back(lower_case(name));
    }
    for (const config::HttpUpstream& upstream : from.upstreams) {
        service.upstreams.push_back(
            {upstream.text, upstream.host, upstream.address, upstream.port});
    }
    return service;
}

AccessFormat access_format(config::AccessLog log) {
    switch (log) {
        case config::AccessLog::kOff: return AccessFormat::kOff;
        case config::AccessLog::kText: return AccessFormat::kText;
        case config::AccessLog::kJson: return AccessFormat::kJson;
        case config::AccessLog::kCombined: return AccessFormat::kCombined;
    }
    return AccessFormat::kOff;
}

Result<std::vector<Endpoint>> where_to_listen(const config::Document& document,
                                              const config::Node* node) {
    const config::Proxy& proxy = document.proxy;
    if (!proxy.listen.empty()) return proxy.listen;
    if (node == nullptr) {
        return fail(Errc::kInvalid, "nodes",
                    "this machine carries the address of no node: correct `nodes`, name the node "
                    "with --node, or say where to listen in proxy.listen");
    }
    std::vector<Endpoint> endpoints{{node->address, proxy.http}};
    if (const config::Vip* vip = document.find_vip(proxy.vip)) {
        endpoints.push_back({vip->address, proxy.http});
    }
    return endpoints;
}

}  // namespace

Result<Plan> make_plan(const config::Document& document, const config::Node* node) {
    auto listen = where_to_listen(document, node);
    if (!listen) return fail(std::move(listen.error()));

    auto snapshot = std::make_shared<Snapshot>();
    snapshot->domain = document.domain.to_string();
    for (const config::Service& service : document.services) {
        snapshot->services.push_back(make_service(service, snapshot->domain));
    }
    snapshot->router = Router(snapshot->services);
    snapshot->lan = document.lan;
    snapshot->trusted_proxies = document.proxy.trusted_proxies;

    Plan plan;
    plan.snapshot = std::move(snapshot);
    plan.listen = std::move(*listen);
    plan.max_connections = document.proxy.max_connections;
    plan.access_format = access_format(document.proxy.access_log);
    plan.workers = document.proxy.workers != 0
                       ? document.proxy.workers
                       : std::clamp(std::thread::hardware_concurrency(), 1U, kMostWorkers);
    return plan;
}

}  // namespace hearth::proxy
