#include "lb/bind/balancing.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "runtime/event_hub.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

namespace hearth::lb {
namespace {

namespace json = boost::json;

constexpr Transport transport_of(config::Transport transport) noexcept {
    return transport == config::Transport::kTcp ? Transport::kTcp : Transport::kUdp;
}

constexpr Balance balance_of(config::Balance balance) noexcept {
    switch (balance) {
        case config::Balance::kRandom: return Balance::kRandom;
        case config::Balance::kRoundRobin: return Balance::kRoundRobin;
        case config::Balance::kSourceHash: return Balance::kSourceHash;
        case config::Balance::kLeastConnections: break;  // of the proxy
    }
    return Balance::kRandom;
}

constexpr BackendCheck::Kind kind_of(config::CheckKind kind) noexcept {
    switch (kind) {
        case config::CheckKind::kNone:
        case config::CheckKind::kTcp: return BackendCheck::Kind::kTcp;
        case config::CheckKind::kHttp: return BackendCheck::Kind::kHttp;
        case config::CheckKind::kHttps: return BackendCheck::Kind::kHttps;
        case config::CheckKind::kDns: return BackendCheck::Kind::kDns;
        case config::CheckKind::kScript: return BackendCheck::Kind::kScript;
    }
    return BackendCheck::Kind::kTcp;
}

std::optional<BackendCheck> make_check(const config::BackendCheck& check) {
    if (check.kind == config::CheckKind::kNone) return std::nullopt;
    return BackendCheck{kind_of(check.kind), check.port,     check.path,    check.host, check.name,
                        check.script,        check.interval, check.timeout, check.rise, check.fall};
}

// Anybody of `family` at all.
bool admits(const config::Service& service, IpFamily family) {
    return service.allow.empty() || std::ranges::any_of(service.allow, [&](const IpPrefix& prefix) {
               return prefix.address().family() == family;
           });
}

BalancedService make_service(const config::Service& service, const IpAddress& vip,
                             const config::ServicePort& port, const config::Node& self) {
    BalancedService one;
    one.name = service.name;
    one.port = {vip, transport_of(port.transport), port.port};
    one.check = make_check(service.check);
    one.balancing.balance = balance_of(service.balance);
    one.balancing.last_port = port.last_port;
    one.balancing.affinity = service.affinity;
    for (const IpPrefix& prefix : service.allow)
        if (prefix.address().family() == vip.family()) one.balancing.allow.push_back(prefix);
    for (const config::PortBackend& backend : port.backends) {
        if (backend.endpoint.address.family() != vip.family()) continue;
        if (service.keep_client_address && !self.has(backend.endpoint.address)) continue;
        one.balancing.backends.push_back({backend.endpoint, backend.weight});
        if (backend.drain) one.drained.insert(backend.endpoint);
    }
    return one;
}

std::string_view word_of(Transport transport) noexcept {
    return transport == Transport::kTcp ? "tcp" : "udp";
}

std::uint64_t hits_of(const BackendHits& hits, const OpenPort& port, const Endpoint& backend) {
    const auto found = hits.find(port);
    if (found == hits.end()) return 0;
    const auto count = found->second.find(backend);
    return count == found->second.end() ? 0 : count->second;
}

bool is_used(const BackendView& view) {
    return !view.is_drained && view.state != BackendState::kDown;
}

// "down": new connections are refused.
std::string_view state_of(const std::vector<BackendView>& views) {
    const auto used = std::ranges::count_if(views, is_used);
    if (used == 0) return "down";
    const bool has_dead = std::ranges::any_of(
        views, [](const BackendView& view) { return view.state == BackendState::kDown; });
    return has_dead ? "degraded" : "up";
}

}  // namespace

std::string port_text(const BalancedService& service) {
    std::string text =
        std::string(word_of(service.port.transport)) + "/" + std::to_string(service.port.port);
    if (service.balancing.last_port != 0) text += "-" + std::to_string(service.balancing.last_port);
    return text;
}

std::vector<BalancedService> make_services(const config::Document& document,
                                           const std::set<IpAddress>& vips,
                                           const config::Node& self) {
    std::vector<BalancedService> services;
    for (const auto& service : document.services) {
        for (const IpAddress& vip : service.addresses) {
            if (!vips.contains(vip) || !admits(service, vip.family())) continue;
            for (const auto& port : service.ports)
                services.push_back(make_service(service, vip, port, self));
        }
    }
    return services;
}

json::object services_summary(const ServiceBoard& board) {
    std::map<std::string_view, std::size_t> counts{{"up", 0}, {"degraded", 0}, {"down", 0}};
    for (const auto& [port, service] : board.services())
        ++counts[state_of(board.backends(service))];
    json::object summary{{"ports", board.services().size()}};
    for (const auto& [state, count] : counts) summary[state] = count;
    return summary;
}

json::array services_json(const ServiceBoard& board, const BackendHits& hits,
                          std::string_view name) {
    json::array list;
    for (const auto& [port, service] : board.services()) {
        if (!name.empty() && service.name != name) continue;
        json::array backends;
        std::uint64_t all = 0;
        const auto views = board.backends(service);
        for (const BackendView& view : views) {
            const std::uint64_t count = hits_of(hits, port, view.backend.endpoint);
            all += count;
            backends.push_back({{"backend", view.backend.endpoint.to_string()},
                                {"weight", view.backend.weight},
                                {"state", to_string(view.state)},
                                {"drained", view.is_drained},
                                {"connections", count}});
        }
        list.push_back({{"service", service.name},
                        {"vip", port.vip.to_string()},
                        {"port", port_text(service)},
                        {"state", state_of(views)},
                        {"connections", all},
                        {"backends", std::move(backends)}});
    }
    return list;
}

json::object timings_json(const ServiceTimings& timings) {
    const auto microseconds = [](Duration duration) {
        return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    };
    return {{"whole_us", microseconds(timings.whole)}, {"change_us", microseconds(timings.change)}};
}

void write_service_metrics(runtime::MetricSink& sink, const ServiceBoard& board,
                           const BackendHits& hits) {
    for (const auto& [port, service] : board.services()) {
        for (const BackendView& view : board.backends(service)) {
            const runtime::Labels labels{{"service", service.name},
                                         {"port", port_text(service)},
                                         {"backend", view.backend.endpoint.to_string()}};
            sink.gauge("hearth_service_backend_up",
                       "1 while the backend gets new connections from this node.", labels,
                       is_used(view) ? 1 : 0);
            sink.counter("hearth_service_connections_total",
                         "New connections this node sent to the backend.", labels,
                         static_cast<double>(hits_of(hits, port, view.backend.endpoint)));
        }
    }
}

void publish_backend(runtime::EventHub& events, const BackendReport& report) {
    const std::string backend = report.backend.to_string();
    std::string services;
    for (const std::string& name : report.services)
        services += (services.empty() ? "" : ",") + name;
    log::info("backend_state",
              {{"backend", backend}, {"state", to_string(report.state)}, {"services", services}});
    if (!events.wanted("services")) return;
    events.publish("services", json::serialize(json::object{{"backend", backend},
                                                            {"state", to_string(report.state)},
                                                            {"services", services}}));
}

}  // namespace hearth::lb
