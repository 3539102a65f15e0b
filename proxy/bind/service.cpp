#include "proxy/bind/service.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <semaphore>
#include <set>

#include "config/load.h"
#include "proxy/bind/certificate_keeper.h"
#include "proxy/bind/error_page_keeper.h"
#include "proxy/bind/plan.h"
#include "proxy/bind/seeing.h"
#include "proxy/bind/target_keeper.h"
#include "proxy/bind/upstream_board.h"
#include "proxy/io/name_resolver.h"
#include "proxy/io/password_checker.h"
#include "proxy/io/worker.h"
#include "runtime/control_server.h"
#include "runtime/local_address.h"

namespace hearth::proxy {

namespace {

namespace json = boost::json;

constexpr Duration kDrainTime = 3s;
const std::vector<hearth::proxy::Service> kNoServices;

const config::Node* this_node(const config::Document& document, const std::string& name) {
    if (!name.empty()) return document.find_node(name);
    for (const config::Node& node : document.nodes) {
        if (runtime::is_local_address(node.address)) return &node;
    }
    return nullptr;
}

std::string_view scheme_of(Security security) {
    switch (security) {
        case Security::kPlain: return "http";
        case Security::kTls: return "https";
        case Security::kStream: return "tcp";
        case Security::kDatagram: return "udp";
    }
    return "";
}

class ProxyService final : public runtime::Service {
public:
    explicit ProxyService(runtime::Daemon& daemon);

    Result<runtime::Revision> load(const runtime::DaemonOptions& options) override;
    void add_status(json::object& status) override;
    runtime::Health health() override;
    void stop() override;

private:
    void ask(UpstreamAsk question);
    Result<void> apply(const Plan& plan);
    Result<void> open_listeners(const std::vector<Listening>& listen);
    void make_workers(unsigned count);
    void start_workers();
    void follow_names();
    void give_passwords(const Snapshot& snapshot);
    void give_client_trust();
    void route_drain(const std::string& path, TargetKeeper::Drain state);

    runtime::Daemon& daemon_;
    Seeing seeing_;
    std::vector<std::unique_ptr<Worker>> workers_;
    bool started_ = false;
    Plan plan_;
    SharedServices shared_;
    std::shared_ptr<PasswordChecker> passwords_;
    Prober prober_;
    TargetKeeper targets_;
    UpstreamBoard board_;
    NameResolver resolver_;
    std::shared_ptr<TicketKeys> tickets_;
    std::shared_ptr<IdleShelf> shelf_;  // null for one worker
    std::shared_ptr<ConnectionCounts> connections_ = std::make_shared<ConnectionCounts>();
    std::string root_;  // the home's own, PEM; empty: there is none
    CertificateKeeper certificates_;
    ErrorPageKeeper error_pages_;
};

ProxyService::ProxyService(runtime::Daemon& daemon)
    : daemon_(daemon),
      seeing_(daemon.control_loop(), daemon.problems(),
              [this](UpstreamAsk question) { ask(std::move(question)); }),
      prober_(daemon.control_loop(), [this](UpstreamAsk question) { ask(std::move(question)); }),
      targets_(daemon.control_loop(), prober_,
               [this](const std::shared_ptr<const UpstreamStates>& states) {
                   for (const auto& worker : workers_) worker->set_upstream_states(states);
                   board_.update_problem();
               }),
      board_(daemon.control_loop(), daemon.problems(), targets_, prober_),
      resolver_(daemon.control_loop(),
                [this](std::shared_ptr<const HostAddresses> addresses) {
                    for (const auto& worker : workers_) worker->set_addresses(addresses);
                    targets_.set_addresses(addresses);
                    seeing_.set_addresses(addresses);
                    board_.set_addresses(std::move(addresses));
                }),
      tickets_(make_ticket_keys(daemon.sockets().memory("ticket-keys"))),
      certificates_(
          daemon.control_loop(), daemon.problems(),
          {daemon.options().run_dir / "certs.sock", daemon.options().state_dir / "proxy", "proxy"},
          [this](const std::shared_ptr<const CertificateStore>& store) {
              for (const auto& worker : workers_)
                  worker->set_certificates(store, plan_.unknown_name);
              root_ = store->home().root ? store->home().root->pem : std::string{};
              give_client_trust();
          }),
      error_pages_(daemon.control_loop(), daemon.problems(),
                   [this](const std::shared_ptr<const ErrorPages>& pages) {
                       for (const auto& worker : workers_) worker->set_error_pages(pages);
                   }) {
    daemon_.metrics().on_scrape([this](runtime::MetricSink& sink) {
        board_.collect(sink);
        seeing_.collect(sink);
        certificates_.collect(sink);
        for (const auto& service : plan_.snapshot ? plan_.snapshot->services : kNoServices) {
            if (service.stream.kind == StreamKind::kNone) continue;
            sink.gauge("hearth_proxy_streams_open",
                       "TCP connections, or UDP clients, that are passed on now.",
                       {{"service", service.name}},
                       static_cast<double>(shared_.at(service.name)->running));
        }
    });
}

void ProxyService::ask(UpstreamAsk question) {
    if (!workers_.empty()) workers_.front()->ask(std::move(question));
}

Result<runtime::Revision> ProxyService::load(const runtime::DaemonOptions& options) {
    config::Loaded loaded = config::load(options.config.string());
    if (!loaded) return fail(Errc::kInvalid, "", config::render(loaded.findings));
    const config::Document& document = *loaded.document;
    const config::Node* node = this_node(document, options.node);
    if (node == nullptr && !options.node.empty()) {
        return fail(Errc::kInvalid, "--node", "the document has no node " + options.node);
    }
    auto plan = make_plan(document, node, (options.run_dir / "doh.sock").string());
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
    connections_->limit(plan.max_connections);
    certificates_.follow(plan.certificates, plan.local_names, plan.snapshot->own_host);
    error_pages_.follow(plan.error_pages);
    seeing_.adopt(plan.access_format, plan.collector, plan.node);
    for (const hearth::proxy::Service& service : plan.snapshot->services) {
        shared_.try_emplace(service.name, std::make_shared<SharedService>())
            .first->second->set_rates(service.policy.rates);
    }
    give_passwords(*plan.snapshot);
    for (const auto& worker : workers_) {
        worker->adopt(plan.snapshot, shared_);
        worker->set_access_log(plan.access_format);
        worker->close_other_listeners(plan.listen);
    }
    if (!started_) start_workers();
    daemon_.sockets().forget_the_rest();
    targets_.adopt(plan.snapshot);
    board_.adopt(plan.snapshot);
    follow_names();
    if (plan.workers != workers_.size()) {
        daemon_.problems().raise("restart_needed",
                                 "proxy.workers has changed: systemctl restart hearth-proxy");
    } else {
        daemon_.problems().clear("restart_needed");
    }
    return {};
}

void ProxyService::follow_names() {
    std::set<std::string> names;
    for (const hearth::proxy::Service& service : plan_.snapshot->services) {
        for (const UpstreamSpec& spec : service.upstreams) {
            if (!spec.address) names.insert(spec.host);
        }
    }
    const SpanCollector& collector = plan_.collector;
    if (!collector.text.empty() && !collector.address) names.insert(collector.host);
    resolver_.follow(names);
}

// All workers listen everywhere, or none on anything new.
Result<void> ProxyService::open_listeners(const std::vector<Listening>& listen) {
    for (const auto& worker : workers_) {
        auto opened = worker->open_listeners(listen);
        if (opened) continue;
        for (const auto& each : workers_) each->close_other_listeners(plan_.listen);
        return opened;
    }
    return {};
}

void ProxyService::make_workers(unsigned count) {
    if (count > 1) shelf_ = std::make_shared<IdleShelf>();
    for (unsigned i = 0; i < count; ++i) {
        Worker::Hooks hooks;
        hooks.upstream_changed = [this](const Endpoint& endpoint, HopReason reason) {
            daemon_.control_loop().post([=, this] { board_.report(endpoint, reason); });
        };
        hooks.access_followed = [this] { return daemon_.events().wanted("access"); };
        hooks.room_made = [this] {
            for (const auto& worker : workers_) worker->look_at_queue();
        };
        hooks.spans = [this](std::string spans, std::size_t how_many) {
            seeing_.spans(std::move(spans), how_many);
        };
        hooks.failures = [this](std::vector<FailedRequest> failed, std::size_t more) {
            seeing_.failures(std::move(failed), more);
        };
        hooks.access = [this](std::string lines, AccessFormat format,
                              std::vector<std::string> events) {
            if (!lines.empty()) seeing_.access(std::move(lines), format);
            for (std::string& event : events) daemon_.events().publish("access", std::move(event));
        };
        workers_.push_back(std::make_unique<Worker>(i, daemon_.metrics().add_worker(),
                                                    daemon_.sockets(), tickets_, shelf_,
                                                    connections_, std::move(hooks)));
    }
}

void ProxyService::start_workers() {
    started_ = true;
    daemon_.control().route_async(
        runtime::ControlMethod::kGet, "/probe",
        [this](const runtime::ControlRequest& request, runtime::ControlServer::Reply reply) {
            board_.probe(std::string(request.query_or("service", "")), std::move(reply));
        });
    route_drain("/upstreams/drain", TargetKeeper::Drain::kDrained);
    route_drain("/upstreams/undrain", TargetKeeper::Drain::kServes);
    for (const auto& worker : workers_) {
        worker->start();
        daemon_.watch(worker->loop());
    }
}

// Its thread is made when somebody needs it.
void ProxyService::give_passwords(const Snapshot& snapshot) {
    const auto& services = snapshot.services;
    const bool wanted = std::any_of(services.begin(), services.end(),
                                    [](const auto& one) { return one.policy.basic.has_value(); });
    if (!wanted || passwords_) return;
    passwords_ = std::make_shared<PasswordChecker>();
    for (const auto& worker : workers_) worker->set_passwords(passwords_);
}

// Whose certificates count for which names: after a new document, and when the root is another.
void ProxyService::give_client_trust() {
    auto trust = ClientTrust::make(plan_.snapshot, root_);
    if (!trust) {
        daemon_.problems().raise("client_certificates", trust.error().to_string());
        return;
    }
    daemon_.problems().clear("client_certificates");
    for (const auto& worker : workers_) worker->set_client_trust(*trust);
}

void ProxyService::route_drain(const std::string& path, TargetKeeper::Drain state) {
    daemon_.control().route(
        runtime::ControlMethod::kPost, path, [this, state](const runtime::ControlRequest& request) {
            const auto done = targets_.drain(request.query_or("service", ""),
                                             request.query_or("upstream", ""), state);
            return done ? runtime::ControlResponse::json("{}\n")
                        : runtime::ControlResponse::error(404, done.error().detail);
        });
}

void ProxyService::add_status(json::object& status) {
    status["routes"] = board_.routes();
    json::array listen;
    for (const Listening& one : plan_.listen)
        listen.push_back(
            json::value(std::string(scheme_of(one.security)) + "://" + one.endpoint.to_string()));
    status["listen"] = std::move(listen);
    status["certificates"] = certificates_.describe();
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
    std::counting_semaphore<> drained(0);
    for (const auto& worker : workers_) {
        daemon_.unwatch(worker->loop());
        worker->drain([&drained] { drained.release(); });
    }
    const auto limit = std::chrono::steady_clock::now() + kDrainTime;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (!drained.try_acquire_until(limit)) break;
    }
    if (passwords_) passwords_->stop();                 // it would call them back
    for (const auto& worker : workers_) worker->end();  // they tell each other of room
    workers_.clear();
}

}  // namespace

std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon) {
    return std::make_unique<ProxyService>(daemon);
}

}  // namespace hearth::proxy
