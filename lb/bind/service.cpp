#include "lb/bind/service.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <future>
#include <map>
#include <set>
#include <utility>

#include "config/load.h"
#include "config/use_assignments.h"
#include "lb/bind/address_desk.h"
#include "lb/bind/balancing.h"
#include "lb/bind/move_desk.h"
#include "lb/bind/node_reporter.h"
#include "lb/bind/passages.h"
#include "lb/bind/peer_key.h"
#include "lb/bind/plan.h"
#include "lb/bind/plan_desk.h"
#include "lb/bind/plan_diff.h"
#include "lb/bind/pools.h"
#include "lb/bind/status.h"
#include "lb/io/daemon_watch.h"
#include "lb/io/firewall_watch.h"
#include "lb/io/lan_driver.h"
#include "lb/io/peer_hub.h"
#include "lb/io/peer_relay.h"
#include "lb/io/port_guard.h"
#include "lb/io/route_netlink.h"
#include "lb/io/service_driver.h"
#include "lb/io/soa_probe.h"
#include "lb/io/urgency.h"
#include "runtime/control_server.h"
#include "runtime/event_hub.h"
#include "runtime/log.h"

namespace hearth::lb {
namespace {

constexpr Duration kAnswerWithin = 500ms;

class LbService final : public runtime::Service {
public:
    LbService(runtime::Daemon& daemon, runtime::FileDescriptor scripts)
        : daemon_(daemon), scripts_(std::move(scripts)) {}

    Result<runtime::Revision> load(const runtime::DaemonOptions& options) override;
    void add_status(boost::json::object& status) override;
    runtime::Health health() override { return {}; }
    void stop() override;

private:
    // Everything that lives on the LAN's loop.
    struct Lan {
        std::unique_ptr<LanDriver> driver;
        std::unique_ptr<PeerHub> peers;
        std::unique_ptr<MoveDesk> moves;
        std::unique_ptr<PeerRelay> relay;
        std::unique_ptr<NodeReporter> reporter;
        NodeReport own;
        std::map<Daemon, std::unique_ptr<DaemonWatch>> watches;
    };

    // The kernel's tables, which may take their time: apart from the adverts.
    struct Kernel {
        std::unique_ptr<PortGuard> ports;
        std::unique_ptr<ServiceDriver> services;
        std::unique_ptr<TrackWatch> tracked;  // runs scripts through `services`
        std::unique_ptr<FirewallWatch> firewalls;
    };

    Result<void> apply(const std::shared_ptr<const config::Document>& document,
                       const std::string& node);
    // The document with the addresses that pools gave so far.
    Result<void> carry_out();
    void start();
    void start_addresses();
    [[nodiscard]] Result<boost::json::object> preview(const config::Document& written);
    void expect_peers();
    void start_kernel();
    void on_tracked(const std::string& subject, Health health);
    void apply_on_lan(const Plan& plan);
    void watch_daemons(const Plan& plan);
    void connect_peers(const Plan& plan);
    void relay(const runtime::ControlRequest& request, const runtime::ControlServer::Reply& reply);
    void report(NodeReport own);
    [[nodiscard]] DaemonWatch::Ask ask_for(const WatchedDaemon& watched, const Name& domain);
    [[nodiscard]] runtime::ControlResponse show_services(const runtime::ControlRequest& request);
    void collect_metrics(runtime::MetricSink& sink);

    runtime::Daemon& daemon_;
    // Control thread.
    std::shared_ptr<const config::Document> document_;
    std::string node_;
    std::shared_ptr<const Plan> plan_;
    std::unique_ptr<AddressDesk> addresses_;
    std::unique_ptr<PlanDesk> plans_;
    std::unique_ptr<runtime::EventLoop> loop_;
    Lan lan_;
    std::unique_ptr<runtime::EventLoop> kernel_loop_;
    Kernel kernel_;
    runtime::FileDescriptor scripts_;
};

// On a node that is busy the adverts must not be late; without it they are in time as a rule.
void ask_for_urgency(const char* what, const Result<void>& granted) {
    if (!granted) log::info("not_urgent", {{"what", what}, {"reason", granted.error().detail}});
}

Result<std::vector<IpAddress>> own_addresses() {
    auto route = RouteNetlink::open();
    if (!route) return fail(route.error());
    const auto found = route->addresses();
    if (!found) return fail(found.error());
    std::vector<IpAddress> addresses;
    for (const auto& item : *found) addresses.push_back(item.address);
    return addresses;
}

Result<runtime::Revision> LbService::load(const runtime::DaemonOptions& options) {
    auto loaded = config::load(options.config.string());
    if (!loaded) return fail(Errc::kInvalid, "", config::render(loaded.findings));
    std::vector<IpAddress> addresses;
    if (options.node.empty()) {
        auto own = own_addresses();
        if (!own) return fail(own.error());
        addresses = std::move(*own);
    }
    const auto plan = make_plan(*loaded.document, options.node, addresses);
    if (!plan) return fail(plan.error());
    auto document = std::make_shared<const config::Document>(std::move(*loaded.document));
    return runtime::Revision{loaded.hash, plan->node,
                             [this, document, node = plan->node] { return apply(document, node); }};
}

Result<void> LbService::apply(const std::shared_ptr<const config::Document>& document,
                              const std::string& node) {
    if (!loop_) start();
    document_ = document;
    node_ = node;
    addresses_->use(*document, node);
    auto done = carry_out();
    expect_peers();
    return done;
}

Result<void> LbService::carry_out() {
    config::Document document = *document_;
    config::use_assignments(document, addresses_->book().in_force());
    auto plan = make_plan(document, node_, {});
    if (!plan) return fail(plan.error());
    plan_ = std::make_shared<const Plan>(std::move(*plan));
    lan_.moves->set_plan(*plan_);
    kernel_loop_->run_and_wait([this] {
        // First, while nobody listens yet: the kernel tells those who do of each element.
        kernel_.services->apply(plan_->services);
        kernel_.ports->apply(plan_->ports);
    });
    loop_->run_and_wait([this] { apply_on_lan(*plan_); });
    kernel_loop_->run_and_wait([this] {
        kernel_.tracked->apply(plan_->tracked);
        kernel_.firewalls->apply(make_passages(*plan_));
    });
    return {};
}

void LbService::start_addresses() {
    const auto tell = [this](std::string text) {
        loop_->post([this, text = std::move(text)]() mutable {
            if (lan_.relay) lan_.relay->tell_all("lb/addresses", std::move(text), [](auto) {});
        });
    };
    const auto changed = [this] {
        if (const auto done = carry_out(); !done)
            log::warn("addresses_unused", {{"reason", done.error().to_string()}});
    };
    addresses_ = std::make_unique<AddressDesk>(daemon_, AddressDesk::Links{tell, changed});
    addresses_->add_routes();
}

// As if `written` were served, and every other node had it, too.
Result<boost::json::object> LbService::preview(const config::Document& written) {
    config::Document document = written;
    config::use_assignments(document, addresses_->preview(written));
    const auto plan = make_plan(document, node_, {});
    if (!plan) return fail(plan.error());
    boost::json::array changes;
    for (const PlanChange& change : compare_plans(*plan_, *plan))
        changes.push_back(boost::json::object{{"action", to_string(change.action)},
                                              {"kind", change.kind},
                                              {"subject", change.subject},
                                              {"detail", change.detail}});
    boost::json::object operations;
    kernel_loop_->run_and_wait([&] {
        operations["firewall"] = kernel_.ports->preview(plan->ports);
        operations["services"] = kernel_.services->preview(plan->services);
    });
    return boost::json::object{{"node", plan->node},
                               {"hash", plan->hash},
                               {"changes", std::move(changes)},
                               {"operations", std::move(operations)}};
}

void LbService::expect_peers() {
    std::set<std::string> names;
    loop_->run_and_wait([&] {
        for (const PeerView& peer : lan_.peers->view()) names.insert(peer.node.name);
    });
    addresses_->expect(std::move(names));
}

void LbService::start_kernel() {
    kernel_loop_ = std::make_unique<runtime::EventLoop>("kernel");
    kernel_loop_->start();
    daemon_.watch(*kernel_loop_);
    kernel_loop_->run_and_wait([this] {
        kernel_.ports = std::make_unique<PortGuard>(*kernel_loop_, daemon_.problems());
        kernel_.services = std::make_unique<ServiceDriver>(
            *kernel_loop_, daemon_.problems(), std::move(scripts_),
            [this](const BackendReport& report) { publish_backend(daemon_.events(), report); });
        kernel_.tracked = std::make_unique<TrackWatch>(
            *kernel_loop_, kernel_.services->scripts(),
            [this](const std::string& subject, Health health) { on_tracked(subject, health); });
        kernel_.firewalls = std::make_unique<FirewallWatch>(*kernel_loop_, daemon_.problems());
    });
}

void LbService::on_tracked(const std::string& subject, Health health) {
    log::info("tracked", {{"subject", subject}, {"good", health == Health::kGood}});
    loop_->post([this, subject, health] {
        if (lan_.driver) lan_.driver->set_track(subject, health);
    });
}

void LbService::start() {
    start_kernel();
    ask_for_urgency("memory", keep_memory());
    loop_ = std::make_unique<runtime::EventLoop>("lan");
    loop_->start();
    daemon_.watch(*loop_);
    loop_->run_and_wait([this] {
        ask_for_urgency("priority", run_at_once());
        lan_.driver = std::make_unique<LanDriver>(
            *loop_, daemon_.problems(),
            LanDriver::Handlers{[this](const TransitionReport& report) {
                                    publish_transition(daemon_.events(), report);
                                },
                                [this](const ConflictReport& report) {
                                    publish_conflict(daemon_.events(), report);
                                }});
        lan_.peers = std::make_unique<PeerHub>(*loop_, daemon_.problems(), [this](IpAddress node) {
            lan_.driver->on_node_vanished(node);
        });
        lan_.moves = std::make_unique<MoveDesk>(daemon_, *loop_, *lan_.driver, *lan_.peers);
        lan_.relay = std::make_unique<PeerRelay>(
            *loop_, *lan_.peers, daemon_.options().run_dir, [this](const std::string& node) {
                daemon_.events().publish(
                    "peers", boost::json::serialize(boost::json::object{{"node", node}}));
                daemon_.control_loop().post([this] { addresses_->greet(); });
            });
        lan_.reporter = std::make_unique<NodeReporter>(
            *loop_, daemon_.options().run_dir, [this](NodeReport own) { report(std::move(own)); });
    });
    lan_.moves->add_routes();
    start_addresses();
    plans_ = std::make_unique<PlanDesk>(daemon_,
                                        [this](const auto& document) { return preview(document); });
    daemon_.control().route(
        runtime::ControlMethod::kGet, "/services",
        [this](const runtime::ControlRequest& request) { return show_services(request); });
    daemon_.metrics().on_scrape([this](runtime::MetricSink& sink) { collect_metrics(sink); });
    daemon_.control().route_async(
        runtime::ControlMethod::kPost, "/peers/relay",
        [this](const runtime::ControlRequest& request, const runtime::ControlServer::Reply& reply) {
            relay(request, reply);
        });
}

void LbService::apply_on_lan(const Plan& plan) {
    lan_.driver->apply(plan.lan);
    watch_daemons(plan);
    connect_peers(plan);
}

void LbService::connect_peers(const Plan& plan) {
    runtime::Problems& problems = daemon_.problems();
    problems.clear("peer_key");
    PeerSettings settings;
    for (const auto& node : plan.nodes) {
        if (node.name == plan.node)
            settings.self = node;
        else
            settings.others.push_back(node);
    }
    settings.port = plan.peer_port;
    if (plan.node.empty() || settings.others.empty()) return lan_.peers->apply(std::nullopt);
    const auto key = read_peer_key(plan.peer_key_file);
    if (!key) {
        problems.raise("peer_key",
                       key.error().to_string() +
                           "; until then the nodes do not know each other's state, and a "
                           "dead hearth-lb is noticed by VRRP alone");
        return lan_.peers->apply(std::nullopt);
    }
    settings.key = *key;
    lan_.peers->apply(settings);
}

// What another daemon of this node has to say to its like on all others.
void LbService::relay(const runtime::ControlRequest& request,
                      const runtime::ControlServer::Reply& reply) {
    using runtime::ControlResponse;
    const std::string topic(request.query_or("topic", ""));
    if (const auto known = parse_peer_topic(topic); !known)
        return reply(ControlResponse::error(400, known.error().detail));
    if (request.body.size() > PeerCall::kMost)
        return reply(ControlResponse::error(413, "more than 48 KiB"));
    loop_->post([this, topic, body = request.body, reply]() mutable {
        if (!lan_.relay) return;
        lan_.relay->tell_all(topic, std::move(body),
                             [reply](const std::vector<RelayOutcome>& outcomes) {
                                 reply(ControlResponse::json(relay_json(outcomes)));
                             });
    });
}

void LbService::report(NodeReport own) {
    const LanView lan = lan_.driver->view();
    for (const LinkView& link : lan.links)
        for (const RouterView& view : link.routers)
            for (const Vip& vip : view.router->vips) own.vips.push_back({vip.address, view.state});
    lan_.own = std::move(own);
    lan_.peers->publish(lan_.own);
    show_conflicts(daemon_.problems(), lan);
    show_rivals(daemon_.problems(), lan, lan_.peers->view(), std::chrono::steady_clock::now());
    const auto has_our_document = [&](const PeerView& peer) {
        return !peer.report || peer.report->config_hash == lan_.own.config_hash;
    };
    if (std::ranges::all_of(lan_.peers->view(), has_our_document))
        daemon_.control_loop().post([this] { addresses_->agree(); });
}

void LbService::watch_daemons(const Plan& plan) {
    lan_.watches.clear();
    for (const auto& watched : plan.watched) {
        const Daemon daemon = watched.daemon;
        const std::string socket = daemon == Daemon::kDns ? "dns.sock" : "proxy.sock";
        lan_.watches[daemon] = std::make_unique<DaemonWatch>(
            *loop_, daemon_.options().run_dir / socket, ask_for(watched, plan.domain),
            [this, daemon](Health health) { lan_.driver->set_health(daemon, health); });
    }
}

DaemonWatch::Ask LbService::ask_for(const WatchedDaemon& watched, const Name& domain) {
    if (!watched.dns) return ask_control_health(*loop_, daemon_.options().run_dir / "proxy.sock");
    return [this, server = *watched.dns, domain](std::function<void(Answered)> done) {
        ask_soa(*loop_, server, domain, kAnswerWithin, std::move(done));
    };
}

void LbService::add_status(boost::json::object& status) {
    if (!loop_) return;
    loop_->run_and_wait([&] {
        const LanView lan = lan_.driver->view();
        status["drained"] = lan_.moves->is_drained();
        status["interface"] = lan.links.empty() ? "" : lan.links.front().interface;
        const auto peers = lan_.peers->view();
        status["vips"] = vips_json(lan, *plan_, peers, std::chrono::steady_clock::now());
        status["nodes"] = nodes_json(*plan_, lan_.own, peers);
        boost::json::object daemons;
        for (const auto& [daemon, watch] : lan_.watches)
            daemons[to_string(daemon)] = watch->reason();
        status["daemons"] = std::move(daemons);
    });
    status["addresses"] = addresses_json(addresses_->book());
    kernel_loop_->run_and_wait([&] {
        status["services"] = services_summary(kernel_.services->board());
        status["service_timings"] = timings_json(kernel_.services->timings());
    });
}

// `?name=` for one service. Counting connections means to read every backend from the kernel.
runtime::ControlResponse LbService::show_services(const runtime::ControlRequest& request) {
    const std::string name(request.query_or("name", ""));
    boost::json::array list;
    kernel_loop_->run_and_wait(
        [&] { list = services_json(kernel_.services->board(), kernel_.services->hits(), name); });
    if (list.empty() && !name.empty())
        return runtime::ControlResponse::error(404, "no service `" + name + "` on ports here");
    return runtime::ControlResponse::json(
        boost::json::serialize(boost::json::object{{"services", std::move(list)}}) + "\n");
}

void LbService::collect_metrics(runtime::MetricSink& sink) {
    loop_->run_and_wait([&] { write_metrics(sink, lan_.driver->view(), *plan_); });
    kernel_loop_->run_and_wait(
        [&] { write_service_metrics(sink, kernel_.services->board(), kernel_.services->hits()); });
}

void LbService::stop() {
    if (!loop_) return;
    plans_.reset();
    std::promise<void> stopped;
    loop_->run_and_wait([&] {
        lan_.watches.clear();
        lan_.reporter.reset();
        lan_.driver->stop([&] { stopped.set_value(); });
    });
    stopped.get_future().wait_for(5s);
    daemon_.unwatch(*loop_);
    loop_->run_and_wait([&] {
        lan_.relay.reset();
        lan_.peers->stop();
        lan_ = {};
    });
    loop_->stop();
    loop_->join();
    daemon_.unwatch(*kernel_loop_);
    kernel_loop_->run_and_wait([&] {
        kernel_.tracked.reset();
        kernel_.firewalls.reset();
        kernel_.services->withdraw();
        kernel_.ports->withdraw();
        kernel_ = {};
    });
    kernel_loop_->stop();
    kernel_loop_->join();
}

}  // namespace

std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon,
                                               runtime::FileDescriptor scripts) {
    return std::make_unique<LbService>(daemon, std::move(scripts));
}

}  // namespace hearth::lb
