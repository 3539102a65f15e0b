#include "proxy/bind/upstream_board.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "base/proxy_protocol.h"
#include "proxy/io/upstream_probe.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"

namespace hearth::proxy {

namespace {

namespace json = boost::json;

constexpr Duration kCheckInterval = 15s;
constexpr Duration kConnectLimit = 3s;
constexpr Duration kProbeLimit = 4s;

double milliseconds(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

json::object describe_probe(const UpstreamSpec& spec, const Endpoint& endpoint,
                            const ProbeResult& result) {
    const bool failed = result.error.failed();
    const bool is_socket = spec.security && !spec.security->socket_path.empty();
    json::object object{{"url", spec.text},
                        {"address", is_socket ? spec.text : endpoint.to_string()}};
    object["ok"] = !failed && result.status < 500 && result.grpc_fault.empty();
    object["status"] = result.status == 0 ? json::value(nullptr) : json::value(result.status);
    object["connect_ms"] = result.connected_after == Duration{}
                               ? json::value(nullptr)
                               : json::value(milliseconds(result.connected_after));
    object["answer_ms"] = milliseconds(result.answered_after);
    object["reason"] = failed ? to_string(result.error.reason) : "";
    object["detail"] = result.error.refusal != Refusal::kNone ? describe(result.error.refusal)
                                                              : std::string_view(result.grpc_fault);
    return object;
}

// Collects the answers of one /probe; the last one sends them.
struct ProbeRound {
    ProbeRound(const Service& service, runtime::ControlServer::Reply to) : reply(std::move(to)) {
        answer["service"] = service.name;
        answer["host"] = service.hosts.front();
    }
    ~ProbeRound() {
        answer["ok"] = ok;
        answer["upstreams"] = std::move(upstreams);
        reply(runtime::ControlResponse::json(json::serialize(answer) + "\n"));
    }
    ProbeRound(const ProbeRound&) = delete;
    ProbeRound& operator=(const ProbeRound&) = delete;

    void add(json::object upstream) {
        ok |= upstream["ok"].as_bool();
        upstreams.push_back(std::move(upstream));
    }

    json::object answer;
    json::array upstreams;
    bool ok = false;
    runtime::ControlServer::Reply reply;
};

}  // namespace

UpstreamBoard::UpstreamBoard(runtime::EventLoop& loop, runtime::Problems& problems,
                             const TargetKeeper& targets, Prober& prober)
    : problems_(problems), targets_(targets), prober_(prober), timer_(loop.context()) {}

void UpstreamBoard::adopt(std::shared_ptr<const Snapshot> snapshot) {
    snapshot_ = std::move(snapshot);
    check_all();
}

void UpstreamBoard::set_addresses(std::shared_ptr<const HostAddresses> addresses) {
    addresses_ = std::move(addresses);
    check_all();
}

void UpstreamBoard::check_all() {
    std::set<Endpoint> of_udp;
    struct Wanted {
        std::string socket;  // the path, of a Unix socket
        std::optional<UpstreamSecurity> security;
        std::string preamble;
    };
    std::map<Endpoint, Wanted> wanted;
    for (const Service& service : snapshot_->services) {
        for (const UpstreamSpec& spec : service.upstreams) {
            for (const Endpoint& endpoint : endpoints_of(spec, *addresses_)) {
                wanted.emplace(endpoint,
                               Wanted{std::string(socket_at(service, endpoint)), spec.security,
                                      proxy_header_of_nobody(service.send_proxy_protocol)});
                if (service.stream.kind == StreamKind::kUdp) of_udp.insert(endpoint);
            }
        }
    }
    sockets_.clear();
    for (const auto& [endpoint, how] : wanted)
        if (!how.socket.empty()) sockets_.emplace(endpoint, how.socket);
    std::erase_if(known_, [&](const auto& each) { return !wanted.contains(each.first); });
    for (const auto& [endpoint, how] : wanted) {
        if (of_udp.contains(endpoint)) continue;  // only its clients find out
        prober_.probe(endpoint, how.security, {{}, {}, how.socket, {}, how.preamble}, kConnectLimit,
                      [this, asked = endpoint](const ProbeResult& result) {
                          report(asked, result.error.reason);
                      });
    }
    update_problem();
    timer_.expires_after(kCheckInterval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) check_all();
    });
}

// As the document has it: what stands for a Unix socket is nobody's business.
std::string UpstreamBoard::name_of(const Endpoint& endpoint) const {
    const auto socket = sockets_.find(endpoint);
    return socket != sockets_.end() ? "unix:" + socket->second : endpoint.to_string();
}

void UpstreamBoard::report(const Endpoint& endpoint, HopReason reason) {
    const auto [it, first] = known_.emplace(endpoint, reason);
    if (!first && it->second == reason) return;
    it->second = reason;
    if (reason != HopReason::kNone) {
        log::warn("upstream_down",
                  {{"upstream", name_of(endpoint)}, {"reason", to_string(reason)}});
    } else if (!first) {
        log::info("upstream_up", {{"upstream", name_of(endpoint)}});
    }
    update_problem();
}

json::object UpstreamBoard::describe(const Service& service, const UpstreamSpec& spec) const {
    json::object object{{"url", spec.text}, {"up", nullptr}, {"detail", "not tried yet"}};
    // No connection tells whether it is there.
    if (service.stream.kind == StreamKind::kUdp)
        object["detail"] = "unknown until a client uses it";
    const auto endpoints = endpoints_of(spec, *addresses_);
    if (endpoints.empty()) {
        object["up"] = false;
        object["detail"] = to_string(HopReason::kNameNotResolved);
    }
    for (const Endpoint& endpoint : endpoints) {
        const auto found = known_.find(endpoint);
        if (found == known_.end()) continue;
        const bool up = found->second == HopReason::kNone;
        object["up"] = up;
        object["detail"] = up ? "" : to_string(found->second);
        if (up) break;  // one address that answers is enough
    }
    for (const Endpoint& endpoint : endpoints) {
        const TargetState state = targets_.state_of(service.name, endpoint);
        if (state == TargetState::kServes) continue;
        object["up"] = state == TargetState::kDrained ? object["up"] : json::value(false);
        object["detail"] = targets_.detail_of(service.name, endpoint);
        if (state == TargetState::kDrained) object["drained"] = true;
    }
    return object;
}

// Hosts, and hosts with a path: what leads to it.
std::vector<std::string> UpstreamBoard::places_of(const Service& service) const {
    std::vector<std::string> places;
    for (const Endpoint& endpoint : service.stream.listen)
        places.push_back((service.stream.kind == StreamKind::kUdp ? "udp/" : "tcp/") +
                         endpoint.to_string());
    if (!places.empty()) return places;
    places = service.hosts;
    places.insert(places.end(), service.further_hosts.begin(), service.further_hosts.end());
    for (const Service& owner : snapshot_->services) {
        if (owner.name != service.under) continue;
        for (const PathRule& rule : service.paths) {
            const bool exact = rule.kind == PathRule::Kind::kExact;
            places.push_back(owner.hosts.front() + (exact ? "=" : "") + rule.path);
        }
    }
    return places;
}

json::array UpstreamBoard::routes() const {
    json::array routes;
    for (const Service& service : snapshot_->services) {
        json::array upstreams;
        for (const UpstreamSpec& spec : service.upstreams)
            upstreams.push_back(describe(service, spec));
        for (const std::string& host : places_of(service)) {
            json::object route{{"host", host}, {"service", service.name}, {"upstreams", upstreams}};
            if (!service.redirect.to.empty()) route["redirect"] = service.redirect.to;
            if (service.stream.kind == StreamKind::kTls) route["passed_on"] = true;
            routes.push_back(std::move(route));
        }
    }
    return routes;
}

void UpstreamBoard::update_problem() {
    std::string down;
    for (const Service& service : snapshot_->services) {
        if (service.is_ours) continue;  // a daemon beside us, which tells of itself
        for (const UpstreamSpec& spec : service.upstreams) {
            const json::object state = describe(service, spec);
            if (!state.at("up").is_bool() || state.at("up").as_bool()) continue;
            if (!down.empty()) down += "; ";
            down.append(service.name).append(": ").append(spec.text).append(" ");
            down.append(std::string_view(state.at("detail").as_string()));
        }
    }
    if (down.empty()) {
        problems_.clear("upstream_down");
    } else {
        problems_.raise("upstream_down", down + " (start it, or correct `upstream`)");
    }
}

void UpstreamBoard::collect(runtime::MetricSink& sink) const {
    for (const Service& service : snapshot_->services) {
        for (const UpstreamSpec& spec : service.upstreams) {
            const json::object state = describe(service, spec);
            if (!state.at("up").is_bool()) continue;
            sink.gauge("hearth_proxy_upstream_up", "1 when it took the last connection.",
                       {{"service", service.name}, {"upstream", spec.text}},
                       state.at("up").as_bool() ? 1 : 0);
        }
    }
}

void UpstreamBoard::probe(const std::string& name, runtime::ControlServer::Reply reply) const {
    const auto service = std::find_if(snapshot_->services.begin(), snapshot_->services.end(),
                                      [&](const Service& each) { return each.name == name; });
    if (service == snapshot_->services.end()) {
        return reply(runtime::ControlResponse::error(404, "no service " + name));
    }
    const auto round = std::make_shared<ProbeRound>(*service, std::move(reply));
    for (const UpstreamSpec& spec : service->upstreams) {
        const auto endpoints = endpoints_of(spec, *addresses_);
        if (endpoints.empty()) {
            ProbeResult unresolved;
            unresolved.error.reason = HopReason::kNameNotResolved;
            round->add(describe_probe(spec, {}, unresolved));
        }
        for (const Endpoint& endpoint : endpoints) {
            std::string path = service->health.path.empty() ? "/" : service->health.path;
            const std::string socket(socket_at(*service, endpoint));
            if (service->stream.kind != StreamKind::kNone) path.clear();
            prober_.probe(endpoint, spec.security,
                          {service->hosts.front(), std::move(path), socket, service->health.grpc,
                           proxy_header_of_nobody(service->send_proxy_protocol)},
                          kProbeLimit, [round, spec, endpoint](const ProbeResult& result) {
                              round->add(describe_probe(spec, endpoint, result));
                          });
        }
    }
}

}  // namespace hearth::proxy
