#include "proxy/bind/service.h"

#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <map>
#include <thread>

#include "config/load.h"
#include "proxy/bind/plan.h"
#include "proxy/io/worker.h"
#include "runtime/local_address.h"

namespace hearth::proxy {

namespace {

namespace json = boost::json;

constexpr Duration kDrainTime = 3s;

const config::Node* this_node(const config::Document& document, const std::string& name) {
    if (!name.empty()) return document.find_node(name);
    for (const config::Node& node : document.nodes) {
        if (runtime::is_local_address(node.address)) return &node;
    }
    return nullptr;
}

// What the workers last found out about an upstream.
struct UpstreamState {
    HopReason reason = HopReason::kNone;  // kNone: it answers
};

class ProxyService final : public runtime::Service {
public:
    explicit ProxyService(runtime::Daemon& daemon) : daemon_(daemon) {}

    Result<runtime::Revision> load(const runtime::DaemonOptions& options) override;
    void add_status(json::object& status) override;
    runtime::Health health() override;
    void stop() override;

private:
    Result<void> apply(const Plan& plan);
    Result<void> open_listeners(const std::vector<Endpoint>& listen);
    void make_workers(unsigned count);
    void start_workers();
    void upstream_changed(const Endpoint& endpoint, HopReason reason);
    void report_upstreams();

    runtime::Daemon& daemon_;
    std::vector<std::unique_ptr<Worker>> workers_;
    bool started_ = false;
    Plan plan_;
    std::shared_ptr<const HostAddresses> addresses_ = std::make_shared<HostAddresses>();
    std::map<Endpoint, UpstreamState> upstreams_;
};

Result<runtime::Revision> ProxyService::load(const runtime::DaemonOptions& options) {
    config::Loaded loaded = config::load(options.config.string());
    if (!loaded) return fail(Errc::kInvalid, "", config::render(loaded.findings));
    const config::Document& document = *loaded.document;
    const config::Node* node = this_node(document, options.node);
    if (node == nullptr && !options.node.empty()) {
        return fail(Errc::kInvalid, "--node", "the document has no node " + options.node);
    }
    auto plan = make_plan(document, node);
    if (!plan) return fail(std::move(plan.error()));
    runtime::Revision revision;
    revision.hash = document.hash;
    revision.node = node != nullptr ? node->name : std::string{};
    revision.apply = [this, plan = std::move(*plan)] { return apply(plan); };
    return revision;
}

Result<void> ProxyService::apply(const Plan& plan) {
    if (workers_.empty()) make_workers(plan.workers);
    if (auto opened = open_listeners(plan.listen); !opened) return opened;
    plan_ = plan;
    for (const auto& worker : workers_) {
        worker->adopt(plan.snapshot, addresses_, plan.max_connections / workers_.size());
        worker->close_other_listeners(plan.listen);
    }
    if (!started_) start_workers();
    report_upstreams();
    return {};
}

// All workers listen everywhere, or none on anything new.
Result<void> ProxyService::open_listeners(const std::vector<Endpoint>& listen) {
    for (const auto& worker : workers_) {
        auto opened = worker->open_listeners(listen);
        if (opened) continue;
        for (const auto& each : workers_) each->close_other_listeners(plan_.listen);
        return opened;
    }
    return {};
}

void ProxyService::make_workers(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        Worker::Hooks hooks;
        hooks.upstream_changed = [this](const Endpoint& endpoint, HopReason reason) {
            daemon_.control_loop().post([=, this] { upstream_changed(endpoint, reason); });
        };
        hooks.access_followed = [this] { return daemon_.events().wanted("access"); };
        hooks.access = [this](std::string, std::vector<std::string> events) {
            for (std::string& event : events) daemon_.events().publish("access", std::move(event));
        };
        workers_.push_back(std::make_unique<Worker>(
            "proxy-" + std::to_string(i), daemon_.metrics().add_worker(), std::move(hooks)));
    }
}

void ProxyService::start_workers() {
    started_ = true;
    for (const auto& worker : workers_) {
        worker->start();
        daemon_.watch(worker->loop());
    }
}

void ProxyService::upstream_changed(const Endpoint& endpoint, HopReason reason) {
    upstreams_[endpoint].reason = reason;
    report_upstreams();
}

void ProxyService::report_upstreams() {
    std::string down;
    for (const hearth::proxy::Service& service : plan_.snapshot->services) {
        for (const UpstreamSpec& spec : service.upstreams) {
            if (!spec.address) continue;
            const auto known = upstreams_.find({*spec.address, spec.port});
            if (known == upstreams_.end() || known->second.reason == HopReason::kNone) continue;
            if (!down.empty()) down += "; ";
            down.append(service.name).append(": ").append(spec.text).append(" ");
            down.append(to_string(known->second.reason));
        }
    }
    if (down.empty()) {
        daemon_.problems().clear("upstream_down");
    } else {
        daemon_.problems().raise("upstream_down",
                                 down + " (start the service, or correct its upstream)");
    }
}

void ProxyService::add_status(json::object& status) {
    json::array routes;
    for (const hearth::proxy::Service& service : plan_.snapshot->services) {
        json::array upstreams;
        for (const UpstreamSpec& spec : service.upstreams) {
            json::object upstream{{"url", spec.text}};
            const auto known =
                spec.address ? upstreams_.find({*spec.address, spec.port}) : upstreams_.end();
            if (known == upstreams_.end()) {
                upstream["up"] = nullptr;
                upstream["detail"] = "not asked yet";
            } else {
                const HopReason reason = known->second.reason;
                upstream["up"] = reason == HopReason::kNone;
                upstream["detail"] = reason == HopReason::kNone ? "" : to_string(reason);
            }
            upstreams.push_back(std::move(upstream));
        }
        for (const std::string& host : service.hosts) {
            routes.push_back(
                json::object{{"host", host}, {"service", service.name}, {"upstreams", upstreams}});
        }
    }
    status["routes"] = std::move(routes);
    json::array listen;
    for (const Endpoint& endpoint : plan_.listen)
        listen.push_back(json::value(endpoint.to_string()));
    status["listen"] = std::move(listen);
}

runtime::Health ProxyService::health() {
    const TimePoint now = std::chrono::steady_clock::now();
    for (const auto& worker : workers_) {
        if (worker->last_tick() + 2s < now) {
            return {false, worker->loop().name() + " does not answer"};
        }
    }
    return {};
}

void ProxyService::stop() {
    std::atomic<std::size_t> left = workers_.size();
    for (const auto& worker : workers_) {
        daemon_.unwatch(worker->loop());
        worker->drain([&left] { --left; });
    }
    const TimePoint limit = std::chrono::steady_clock::now() + kDrainTime;
    while (left > 0 && std::chrono::steady_clock::now() < limit) std::this_thread::sleep_for(10ms);
    workers_.clear();
}

}  // namespace

std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon) {
    return std::make_unique<ProxyService>(daemon);
}

}  // namespace hearth::proxy
