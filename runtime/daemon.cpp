#include "runtime/daemon.h"

#include <signal.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/control_server.h"
#include "runtime/daemon_status.h"
#include "runtime/systemd.h"
#include "runtime/watchdog.h"

namespace hearth::runtime {

namespace {

constexpr Duration kHealthInterval = 1s;
constexpr int kWatchdogAsksPerInterval = 4;

void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// Diagnostics have lines and carets: people read them as they are, the journal gets a field.
void report_invalid(const DaemonOptions& options, const Error& error) {
    const std::string text = error.to_string();
    if (options.log.format == log::Format::kText) {
        std::fprintf(stderr, "%s%s", text.c_str(), text.ends_with('\n') ? "" : "\n");
    } else {
        log::error("config_invalid", {{"diagnostics", text}});
    }
}

Result<void> apply(const Revision& revision) {
    try {
        return revision.apply();
    } catch (const std::exception& error) {
        return fail(Errc::kSystem, "apply", error.what());
    }
}

}  // namespace

struct Daemon::Impl {
    explicit Impl(DaemonOptions o)
        : options(std::move(o)), loop(options.log.service), events(loop) {}

    DaemonOptions options;
    EventLoop loop;
    EventHub events;
    Metrics metrics;
    Problems problems;
    SocketStore sockets;
    Watchdog watchdog;
    std::unique_ptr<ControlServer> control;
    std::function<void()> health_changed;
    std::function<void(int)> request_stop;
};

Daemon::Daemon(DaemonOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Daemon::~Daemon() = default;
const DaemonOptions& Daemon::options() const noexcept { return impl_->options; }
EventLoop& Daemon::control_loop() noexcept { return impl_->loop; }
ControlServer& Daemon::control() noexcept { return *impl_->control; }
EventHub& Daemon::events() noexcept { return impl_->events; }
Metrics& Daemon::metrics() noexcept { return impl_->metrics; }
Problems& Daemon::problems() noexcept { return impl_->problems; }
SocketStore& Daemon::sockets() noexcept { return impl_->sockets; }
void Daemon::watch(EventLoop& loop) { impl_->watchdog.watch(loop); }
void Daemon::unwatch(EventLoop& loop) { impl_->watchdog.unwatch(loop); }
void Daemon::health_changed() { impl_->health_changed(); }
void Daemon::request_stop(int exit_code) {
    impl_->loop.post([this, exit_code] { impl_->request_stop(exit_code); });
}

// One life, on the main thread.
class DaemonProcess {
public:
    DaemonProcess(std::string name, DaemonOptions options)
        : name_(std::move(name)),
          daemon_(std::move(options)),
          loop_(daemon_.control_loop()),
          signals_(loop_.context(), SIGTERM, SIGINT, SIGHUP),
          health_timer_(loop_.context()),
          watchdog_timer_(loop_.context()) {
        daemon_.impl_->health_changed = [this] { check_health(); };
        daemon_.impl_->request_stop = [this](int exit_code) { stop(exit_code); };
    }

    int run(const MakeService& make);

private:
    Result<Revision> load();
    Result<void> listen();
    Result<void> start(Revision revision);
    void serve();
    void finish();

    void add_routes();
    void add_metrics();
    void wait_for_signal();
    void tick_health();
    void tick_watchdog(Duration interval);
    Health health();
    void check_health();
    ControlResponse status();
    void stop(int exit_code);

    void reload(ControlServer::Reply reply);
    void finish_reload(Result<Revision> loaded);
    void answer_reload(const Result<void>& outcome);

    std::string name_;
    Daemon daemon_;
    EventLoop& loop_;
    std::unique_ptr<Service> service_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer health_timer_;
    boost::asio::steady_timer watchdog_timer_;
    const TimePoint started_at_ = std::chrono::steady_clock::now();

    std::string node_;
    ConfigStatus config_;
    Health health_{false, "starting"};
    bool applied_ = false;
    int exit_code_ = kExitOk;

    // Reloads run one after the other; those asked for meanwhile become one.
    std::thread loader_;
    std::vector<ControlServer::Reply> answering_;  // by the reload under way
    std::vector<ControlServer::Reply> waiting_;    // for the next one
    bool reloading_ = false;
    bool reload_again_ = false;
};

Result<Revision> DaemonProcess::load() {
    try {
        return service_->load(daemon_.options());
    } catch (const std::exception& error) {
        return fail(Errc::kInvalid, daemon_.options().config.string(), error.what());
    }
}

Result<void> DaemonProcess::listen() {
    const auto& options = daemon_.options();
    std::error_code error;
    std::filesystem::create_directories(options.run_dir, error);
    if (error) return fail(Errc::kSystem, options.run_dir.string(), error.message());
    std::filesystem::create_directories(options.state_dir, error);
    if (error) {
        daemon_.problems().raise("state_dir", options.state_dir.string() + ": " + error.message() +
                                                  "; nothing will survive a restart");
    }
    auto control =
        ControlServer::listen(loop_, daemon_.events(), options.run_dir / (name_ + ".sock"));
    if (!control) return fail(std::move(control.error()));
    daemon_.impl_->control = std::move(*control);
    add_routes();
    add_metrics();
    return {};
}

Result<void> DaemonProcess::start(Revision revision) {
    if (auto listening = listen(); !listening) return listening;
    node_ = revision.node;
    if (auto applied = apply(revision); !applied) return applied;
    config_.hash = revision.hash;
    config_.loaded_at = wall_now();
    applied_ = true;
    return {};
}

int DaemonProcess::run(const MakeService& make) {
    service_ = make(daemon_);
    auto revision = load();
    if (!revision) {
        report_invalid(daemon_.options(), revision.error());
        return kExitInvalidDocument;
    }
    if (daemon_.options().check) return kExitOk;
    if (auto started = start(std::move(*revision)); !started) {
        log::error("start_failed", {{"error", started.error().to_string()}});
        if (applied_) service_->stop();
        return kExitFailed;
    }
    serve();
    finish();
    return exit_code_;
}

void DaemonProcess::serve() {
    auto& events = daemon_.events();
    log::set_subscriber(
        [&events](std::string_view json) { events.publish("log", std::string(json)); });
    events.on_subscribe("health", [this] { return health_json(health()); });
    wait_for_signal();
    tick_health();
    if (const auto interval = systemd_watchdog_interval()) tick_watchdog(*interval);
    log::info("started", {{"version", HEARTH_VERSION}, {"node", node_}, {"config", config_.hash}});
    notify_systemd("READY=1\nSTATUS=serving " + config_.hash);
    loop_.run();
}

void DaemonProcess::finish() {
    log::info("stopping", {});
    notify_systemd("STOPPING=1");
    if (loader_.joinable()) loader_.join();
    service_->stop();
    log::set_subscriber({});
    daemon_.impl_->control.reset();
    service_.reset();
}

void DaemonProcess::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error) return;
        if (signal == SIGHUP) {
            reload({});
        } else {
            stop(kExitOk);
        }
        wait_for_signal();
    });
}

void DaemonProcess::stop(int exit_code) {
    exit_code_ = exit_code;
    loop_.stop();
}

void DaemonProcess::tick_health() {
    check_health();
    health_timer_.expires_after(kHealthInterval);
    health_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) tick_health();
    });
}

void DaemonProcess::tick_watchdog(Duration interval) {
    if (daemon_.impl_->watchdog.all_alive()) notify_systemd("WATCHDOG=1");
    watchdog_timer_.expires_after(interval / kWatchdogAsksPerInterval);
    watchdog_timer_.async_wait([this, interval](const boost::system::error_code& error) {
        if (!error) tick_watchdog(interval);
    });
}

Health DaemonProcess::health() { return applied_ ? service_->health() : Health{false, "starting"}; }

void DaemonProcess::check_health() {
    Health now = health();
    if (now == health_) return;
    health_ = std::move(now);
    log::info("health", {{"healthy", health_.healthy}, {"reason", health_.reason}});
    daemon_.events().publish("health", health_json(health_));
}

ControlResponse DaemonProcess::status() {
    auto object = common_status(name_, node_, std::chrono::steady_clock::now() - started_at_,
                                health(), daemon_.problems().list(), config_);
    if (applied_) service_->add_status(object);
    return ControlResponse::json(boost::json::serialize(object) + "\n");
}

void DaemonProcess::add_routes() {
    ControlServer& control = daemon_.control();
    control.route(ControlMethod::kGet, "/health", [this](const ControlRequest&) {
        const Health now = health();
        return ControlResponse::json(health_json(now) + "\n", now.healthy ? 200 : 503);
    });
    control.route(ControlMethod::kGet, "/status",
                  [this](const ControlRequest&) { return status(); });
    control.route(ControlMethod::kGet, "/metrics", [this](const ControlRequest&) {
        return ControlResponse{200, daemon_.metrics().scrape(), "text/plain; version=0.0.4"};
    });
    control.route_async(
        ControlMethod::kPost, "/reload",
        [this](const ControlRequest&, ControlServer::Reply reply) { reload(std::move(reply)); });
}

void DaemonProcess::add_metrics() {
    daemon_.metrics().on_scrape([this](MetricSink& sink) {
        sink.gauge("hearth_build_info", "Constant 1, labelled with what is running.",
                   {{"daemon", name_}, {"version", HEARTH_VERSION}}, 1);
        sink.gauge("hearth_config_stale", "1 when a newer document was rejected.", {},
                   config_.stale() ? 1 : 0);
        sink.gauge("hearth_config_last_reload_successful", "1 when the last load succeeded.", {},
                   config_.stale() ? 0 : 1);
        sink.gauge("hearth_healthy", "1 when the daemon can do its own part.", {},
                   health().healthy ? 1 : 0);
        sink.counter("hearth_log_dropped_total", "Events lost because the log was not read.", {},
                     static_cast<double>(log::dropped()));
    });
}

void DaemonProcess::reload(ControlServer::Reply reply) {
    if (reply) waiting_.push_back(std::move(reply));
    if (reloading_) {
        reload_again_ = true;
        return;
    }
    reloading_ = true;
    answering_ = std::exchange(waiting_, {});
    notify_systemd_reloading();
    if (loader_.joinable()) loader_.join();
    loader_ = std::thread([this] {
        auto loaded = std::make_shared<Result<Revision>>(load());
        loop_.post([this, loaded] { finish_reload(std::move(*loaded)); });
    });
}

void DaemonProcess::finish_reload(Result<Revision> loaded) {
    Result<void> outcome = loaded ? apply(*loaded) : Result<void>(fail(loaded.error()));
    if (outcome) {
        config_ = {loaded->hash, wall_now(), {}};
        node_ = loaded->node;
        daemon_.problems().clear("config_rejected");
        log::info("config_loaded", {{"hash", config_.hash}});
    } else {
        config_.error = outcome.error().to_string();
        log::warn("config_rejected", {{"diagnostics", config_.error}});
        daemon_.problems().raise("config_rejected", config_.error);
    }
    notify_systemd("READY=1\nSTATUS=serving " + config_.hash +
                   (outcome ? "" : "; a newer document was rejected"));
    answer_reload(outcome);
    check_health();
    reloading_ = false;
    if (std::exchange(reload_again_, false)) reload({});
}

void DaemonProcess::answer_reload(const Result<void>& outcome) {
    const ControlResponse response =
        outcome ? ControlResponse::json(
                      boost::json::serialize(boost::json::object{{"hash", config_.hash}}) + "\n")
                : ControlResponse::error(422, config_.error);
    for (const auto& reply : std::exchange(answering_, {})) reply(response);
}

int run_daemon(int argc, char** argv, const DaemonSpec& spec, const MakeService& make) {
    const std::string program = "hearth-" + std::string(spec.name);
    auto parsed = parse_daemon_options(argc, argv, program);
    if (const auto* exit_code = std::get_if<ExitCode>(&parsed)) return exit_code->value;
    auto& options = std::get<DaemonOptions>(parsed);

    ::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    if (!options.check) {
        if (const auto entered = enter_sandbox(spec.sandbox); !entered) {
            log::error("sandbox_failed", {{"error", entered.error().to_string()}});
            return kExitFailed;
        }
    }
    log::open(options.log);
    int exit_code = kExitFailed;
    try {
        DaemonProcess process(std::string(spec.name), std::move(options));
        exit_code = process.run(make);
    } catch (const std::exception& error) {
        log::error("start_failed", {{"error", error.what()}});
    }
    log::close();
    return exit_code;
}

}  // namespace hearth::runtime
