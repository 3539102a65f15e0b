#include "dns/bind/dns_service.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "config/load.h"
#include "dns/bind/certificate_watch.h"
#include "dns/bind/cookie_keys.h"
#include "dns/bind/dns_metrics.h"
#include "dns/bind/list_findings.h"
#include "dns/bind/name_sources.h"
#include "dns/bind/policy_desk.h"
#include "dns/bind/problem_watch.h"
#include "dns/bind/query_feed.h"
#include "dns/bind/query_history.h"
#include "dns/bind/resolving.h"
#include "dns/bind/seeing_settings.h"
#include "dns/bind/serving_plan.h"
#include "dns/bind/snapshot_builder.h"
#include "dns/bind/upstream_names.h"
#include "dns/bind/why_desk.h"
#include "dns/core/list_layout.h"
#include "dns/io/blocklist_file.h"
#include "dns/io/connected_networks.h"
#include "dns/io/system_random.h"
#include "dns/io/tls_stream.h"
#include "dns/io/worker.h"
#include "runtime/control_server.h"
#include "runtime/snapshot.h"

namespace hearth::dns {
namespace {

namespace json = boost::json;
namespace log = hearth::log;
using runtime::ControlMethod;
using runtime::ControlRequest;
using runtime::ControlResponse;
using runtime::ControlServer;

constexpr unsigned kMostWorkers = 4;
constexpr std::chrono::milliseconds kTick{250};
constexpr int kTicksPerSecond = 4;
constexpr int kSecondsBetweenNetworkLooks = 10;

// A document that was read and found good, with all that was derived from it outside the
// control thread.
struct Prepared {
    config::Document document;
    const config::Node* node = nullptr;  // into `document`
    NameFiles files;
    HouseNames names;
    Snapshot snapshot;
    std::vector<UpstreamGroup> groups;  // those of `snapshot` with names for addresses
    std::vector<ListenAddress> listen;
    std::shared_ptr<const TlsTrust> trust;  // null where no upstream speaks TLS
    Result<std::shared_ptr<const BlockLists>> image = nullptr;
    ListFindings findings;
};

Result<std::shared_ptr<const BlockLists>> load_image(const ListLayout& layout) {
    auto image = load_blocklist_image(layout.image());
    if (!image) return fail(std::move(image.error()));
    return std::make_shared<const BlockLists>(
        BlockLists{std::move(image->set), std::move(image->storage)});
}

std::shared_ptr<const NameFiles> no_files_but(const std::filesystem::path& assigned) {
    auto files = std::make_shared<NameFiles>();
    files->assigned_file = assigned.string();
    return files;
}

std::int64_t wall_now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::int64_t wall_now_s() { return wall_now_ms() / 1000; }

unsigned worker_count(const config::Document& document) {
    if (document.dns.workers > 0) return document.dns.workers;
    return std::clamp(std::thread::hardware_concurrency(), 1U, kMostWorkers);
}

class DnsService final : public runtime::Service {
public:
    explicit DnsService(runtime::Daemon& daemon)
        : daemon_(daemon),
          layout_(daemon.options().state_dir),
          resolving_(workers_, daemon.problems()),
          disk_("dns-disk"),
          certificate_(
              daemon.control_loop(), daemon.problems(),
              {daemon.options().run_dir / "certs.sock", daemon.options().state_dir / "dns", "dns"},
              [this](const std::shared_ptr<const TlsIdentity>& identity) {
                  for (const auto& worker : workers_) worker->set_identity(identity);
              }),
          name_files_(no_files_but(daemon.options().state_dir / "addresses")),
          upstream_names_(daemon.control_loop(), disk_, daemon.problems(), workers_,
                          daemon.options().state_dir,
                          [this] {
                              use_upstreams();
                              publish(serving_->snapshot);
                          }),
          timer_(std::make_unique<boost::asio::steady_timer>(daemon.control_loop().context())) {}

    Result<runtime::Revision> load(const runtime::DaemonOptions& options) override;
    void add_status(json::object& status) override;
    runtime::Health health() override;
    void stop() override;

private:
    Result<void> apply(const std::shared_ptr<Prepared>& prepared);
    void start_workers(const config::Document& document);
    void start_serving();
    void listen_everywhere();
    void publish(Snapshot snapshot);
    void use_names_of(const std::shared_ptr<Prepared>& prepared);
    void take_image(Result<std::shared_ptr<const BlockLists>> image);
    void note_settings_of_start(const config::Document& document);
    void add_routes();
    void reload_lists(const ControlRequest& request, ControlServer::Reply reply);
    void note_findings(ListFindings findings);
    void queries(const ControlRequest& request, const ControlServer::Reply& reply);
    void stats(const ControlRequest& request, const ControlServer::Reply& reply);
    void tick();
    void look_at_networks();
    void use_serving_settings();
    void listen_for_proxy();
    void use_upstreams();
    void use_clock();
    void use_policy_of(const std::shared_ptr<Prepared>& prepared);

    runtime::Daemon& daemon_;
    ListLayout layout_;
    runtime::Published<Snapshot> published_;
    std::shared_ptr<Prepared> serving_;
    std::shared_ptr<const BlockLists> image_;
    ListFindings findings_;  // of the last run of hearth-lists
    std::vector<IpPrefix> networks_;
    std::uint64_t generation_ = 0;
    std::uint64_t cache_generation_ = 0;
    std::optional<LoopGuard> loops_;
    std::optional<CookieKeys> cookie_keys_;
    std::int64_t cookie_day_ = 0;
    std::shared_ptr<RateLimiter> rate_limiter_;
    config::RateLimit rate_limit_;
    config::Dnstap tap_settings_;    // of the start
    std::size_t waiting_bytes_ = 0;  // too
    std::unique_ptr<Dnstap> tap_;
    std::vector<std::unique_ptr<Worker>> workers_;
    Resolving resolving_;
    std::optional<QueryFeed> feed_;
    std::optional<QueryHistory> history_;
    std::string listen_failure_;
    runtime::EventLoop disk_;  // reads files for requests, so that the control thread never waits
    CertificateWatch certificate_;
    runtime::Published<NameFiles> name_files_;
    std::unique_ptr<NameSources> names_;
    std::unique_ptr<PolicyDesk> policy_;
    std::optional<WhyDesk> why_;
    UpstreamNames upstream_names_;
    std::unique_ptr<boost::asio::steady_timer> timer_;
    int ticks_ = 0;
};

bool uses_tls(const std::vector<UpstreamGroup>& groups) {
    return std::any_of(groups.begin(), groups.end(), [](const UpstreamGroup& group) {
        return std::any_of(group.servers.begin(), group.servers.end(), [](const auto& server) {
            return server.protocol == UpstreamProtocol::kTls ||
                   server.protocol == UpstreamProtocol::kHttps;
        });
    });
}

// --- document ---

Result<runtime::Revision> DnsService::load(const runtime::DaemonOptions& options) {
    auto loaded = config::load(options.config.string());
    if (!loaded) return fail(Errc::kInvalid, "", config::render(loaded.findings));
    const auto prepared = std::make_shared<Prepared>();
    prepared->document = std::move(*loaded.document);
    const auto node = choose_node(prepared->document, options.node, own_addresses());
    if (!node) return fail(node.error());
    prepared->node = *node;
    prepared->files = read_name_files(prepared->document, *name_files_.load());
    if (options.check && !prepared->files.zone_faults.empty())
        return fail(Errc::kInvalid, "", prepared->files.zone_faults.front());
    prepared->names = build_house_names(prepared->document, prepared->files, wall_now_s());
    prepared->snapshot = build_snapshot(prepared->document, *node, prepared->names);
    prepared->groups = prepared->snapshot.groups;
    prepared->listen = listen_addresses(prepared->document, *node);
    if (prepared->listen.empty())
        return fail(Errc::kInvalid, options.config.string(),
                    "nothing to listen on: no node of the document has an address of this machine. "
                    "Name it with --node, or give dns.vip or dns.listen");
    if (uses_tls(prepared->snapshot.groups)) {
        auto trust = TlsTrust::load(prepared->document.dns.tls_ca);
        if (!trust) return fail(std::move(trust.error()));
        prepared->trust = std::move(*trust);
    }
    if (auto found = Resolving::check(prepared->document.dns, prepared->snapshot); !found)
        return fail(std::move(found.error()));
    if (!options.check) {
        prepared->image = load_image(layout_);
        prepared->findings = read_list_findings(layout_);
    }
    return runtime::Revision{loaded.hash, *node != nullptr ? (*node)->name : std::string(),
                             [this, prepared] { return apply(prepared); }};
}

bool same_servers(const std::vector<UpstreamGroup>& a, const std::vector<UpstreamGroup>& b) {
    return std::equal(
        a.begin(), a.end(), b.begin(), b.end(),
        [](const UpstreamGroup& x, const UpstreamGroup& y) { return x.servers == y.servers; });
}

bool same_forward_zones(const config::Document& a, const config::Document& b) {
    return std::equal(a.dns.forward.begin(), a.dns.forward.end(), b.dns.forward.begin(),
                      b.dns.forward.end(),
                      [](const config::ForwardZone& x, const config::ForwardZone& y) {
                          return x.zones == y.zones;
                      });
}

Result<void> DnsService::apply(const std::shared_ptr<Prepared>& prepared) {
    const bool first = serving_ == nullptr;
    if (first) networks_ = connected_networks();
    if (first || !same_servers(serving_->groups, prepared->groups) ||
        !same_forward_zones(serving_->document, prepared->document) ||
        serving_->document.dns.dnssec != prepared->document.dns.dnssec ||
        serving_->document.dns.rewrite != prepared->document.dns.rewrite)
        ++cache_generation_;
    serving_ = prepared;
    use_serving_settings();
    use_names_of(prepared);
    use_policy_of(prepared);
    if (first) start_workers(prepared->document);
    upstream_names_.use(prepared->groups);
    use_upstreams();
    take_image(std::move(prepared->image));
    note_findings(std::move(prepared->findings));
    if (first) {
        listen_for_proxy();
        listen_everywhere();
        daemon_.sockets().forget_the_rest();
    } else {
        listen_everywhere();
        history_->configure(history_settings(prepared->document.dns));
    }
    for (const auto& worker : workers_) worker->set_trust(prepared->trust);
    certificate_.follow(prepared->document.dns.tls,
                        certificate_name(prepared->document, prepared->node));
    if (first) start_serving();
    note_settings_of_start(prepared->document);
    return {};
}

void DnsService::use_names_of(const std::shared_ptr<Prepared>& prepared) {
    if (!names_)
        names_ = std::make_unique<NameSources>(daemon_.control_loop(), disk_, daemon_.problems(),
                                               name_files_, [this](const HouseNames& names) {
                                                   use_names(serving_->snapshot, names);
                                                   publish(serving_->snapshot);
                                               });
    names_->use({prepared, &prepared->document}, std::move(prepared->files), prepared->names);
}

void DnsService::use_policy_of(const std::shared_ptr<Prepared>& prepared) {
    if (!policy_)
        policy_ = std::make_unique<PolicyDesk>(daemon_.control_loop(), disk_, daemon_.problems(),
                                               daemon_.options(),
                                               [this] { publish(serving_->snapshot); });
    policy_->use({prepared, &prepared->document},
                 prepared->node != nullptr ? prepared->node->name : std::string());
}

// Keeps the image that serves when the new one cannot be read, and publishes.
void DnsService::take_image(Result<std::shared_ptr<const BlockLists>> image) {
    auto& problems = daemon_.problems();
    const bool wanted = !serving_->document.blocking.lists.empty();
    if (image) {
        image_ = std::move(*image);
        problems.clear("lists_missing");
        problems.clear("lists_unreadable");
    } else if (image.error().code == Errc::kNotFound) {
        problems.clear("lists_unreadable");
        if (wanted)
            problems.raise("lists_missing",
                           layout_.image().string() +
                               " does not exist yet: no list blocks anything. Run hearth-lists "
                               "(systemctl start hearth-lists)");
    } else {
        problems.raise("lists_unreadable", image.error().to_string() +
                                               (image_ ? "; the lists read before go on blocking"
                                                       : "; no list blocks anything") +
                                               ". Run hearth-lists to compile it anew");
    }
    if (!wanted) problems.clear("lists_missing");
    publish(serving_->snapshot);
}

void DnsService::note_findings(ListFindings findings) {
    findings_ = std::move(findings);
    raise_list_problems(findings_, serving_->document.blocking, daemon_.problems());
}

void DnsService::publish(Snapshot snapshot) {
    snapshot.generation = ++generation_;
    snapshot.cache_generation = cache_generation_;
    snapshot.clients = served_clients(serving_->document, networks_);
    snapshot.rate_limiter = rate_limiter_;
    cookie_day_ = CookieKeys::day_of(wall_now_ms());
    snapshot.cookie_secrets = cookie_keys_->secrets(wall_now_ms());
    snapshot.nsid = serving_->node != nullptr ? serving_->node->name : std::string();
    use_image(snapshot, serving_->document, image_);
    policy_->apply(snapshot, wall_now_s());
    published_.publish(std::make_shared<const Snapshot>(std::move(snapshot)));
    for (const auto& worker : workers_) worker->refresh();
}

// --- workers ---

void DnsService::start_workers(const config::Document& document) {
    loops_.emplace(house_mark(document));
    const unsigned count = worker_count(document);
    tap_settings_ = document.dns.dnstap;
    waiting_bytes_ = document.dns.waiting_bytes;
    tap_ = start_dnstap(document, serving_->node, count, daemon_.problems());
    WorkerOptions options;
    options.tap = tap_.get();
    options.pipeline.forward.mix_letters = true;
    options.pipeline.forward.memory = document.dns.waiting_bytes / count;
    options.pipeline.cache.bytes = document.dns.cache_bytes / count;
    options.log_entries = document.dns.query_log_entries / count;
    options.sockets = &daemon_.sockets();
    for (unsigned i = 0; i < count; ++i) {
        options.name = "dns-" + std::to_string(i);
        options.number = i;
        workers_.push_back(std::make_unique<Worker>(options, published_, *loops_));
    }
}

void DnsService::start_serving() {
    for (const auto& worker : workers_) {
        worker->start();
        daemon_.watch(worker->loop());
    }
    disk_.start(runtime::EventLoop::Urgency::kBackground);
    feed_.emplace(daemon_.events(), workers_);
    history_.emplace(QueryHistory::Sources{workers_, published_, daemon_.problems()},
                     daemon_.options().state_dir / "queries.db",
                     serving_->document.dns.query_log_entries);
    history_->start(history_settings(serving_->document.dns));
    why_.emplace(WhyDesk::Sources{daemon_.control_loop(), disk_, workers_, published_,
                                  [this](const Name& name) { return resolving_.why_bogus(name); }},
                 layout_);
    add_routes();
    daemon_.metrics().on_scrape([this](runtime::MetricSink& sink) {
        collect_metrics(workers_, *published_.load(), sink);
        collect_upstreams(*published_.load(), workers_, sink);
        collect_lists(findings_, sink);
        history_->collect(sink);
        resolving_.collect(sink);
        certificate_.collect(sink);
        if (tap_) collect_dnstap(*tap_, sink);
    });
    tick();
}

// What cannot be listened on is a problem and tried again every second; the rest serves.
void DnsService::listen_everywhere() {
    std::string failure;
    for (const auto& worker : workers_) {
        for (const auto& [endpoint, error] : worker->listen(serving_->listen)) {
            if (failure.find(error.to_string()) == std::string::npos)
                failure += (failure.empty() ? "" : "; ") + error.to_string();
        }
    }
    if (failure == listen_failure_) return;
    listen_failure_ = failure;
    if (failure.empty()) {
        daemon_.problems().clear("listen_failed");
    } else {
        daemon_.problems().raise("listen_failed", failure + ". Tried again every second",
                                 runtime::Severity::kError);
    }
    daemon_.health_changed();
}

void DnsService::note_settings_of_start(const config::Document& document) {
    static constexpr std::string_view kName = "restart_needed";
    if (worker_count(document) == workers_.size() &&
        document.dns.query_log_entries / workers_.size() == workers_.front()->log().capacity() &&
        document.dns.cache_bytes / workers_.size() == workers_.front()->cache_bytes() &&
        document.dns.waiting_bytes == waiting_bytes_ && document.dns.dnstap == tap_settings_) {
        daemon_.problems().clear(kName);
    } else {
        daemon_.problems().raise(
            kName,
            "dns.workers, dns.cache_size, dns.waiting_memory, dns.query_log_entries and dns.dnstap "
            "change with the next start: systemctl restart hearth-dns");
    }
}

void DnsService::stop() {
    timer_.reset();
    disk_.stop();
    disk_.join();
    if (history_) history_->stop();
    names_.reset();
    policy_.reset();
    for (const auto& worker : workers_) {
        daemon_.unwatch(worker->loop());
        worker->stop();
    }
    resolving_.stop();
}

runtime::Health DnsService::health() {
    if (!listen_failure_.empty()) return {false, listen_failure_};
    return {};
}

// --- what happens by itself ---

void DnsService::tick() {
    timer_->expires_after(kTick);
    timer_->async_wait([this](boost::system::error_code error) {
        if (error) return;
        feed_->publish(*published_.load(), history_settings(serving_->document.dns).privacy);
        if (++ticks_ % kTicksPerSecond == 0) {
            if (!listen_failure_.empty()) listen_everywhere();
            names_->look(wall_now_s());
            policy_->look(wall_now_s());
            watch_upstreams(*published_.load(), workers_, *loops_, daemon_.problems());
            if (ticks_ % (kTicksPerSecond * kSecondsBetweenNetworkLooks) == 0) look_at_networks();
            certificate_.look();
            upstream_names_.look(std::chrono::steady_clock::now());
            if (resolving_.is_due()) use_clock();
            if (CookieKeys::day_of(wall_now_ms()) != cookie_day_) publish(serving_->snapshot);
        }
        tick();
    });
}

void DnsService::use_upstreams() {
    serving_->snapshot.groups = serving_->groups;
    upstream_names_.apply(serving_->snapshot.groups);
    resolving_.use(serving_->document.dns, serving_->snapshot);
}

// It is known now: what was kept unchecked goes.
void DnsService::use_clock() {
    ++cache_generation_;
    use_upstreams();
    publish(serving_->snapshot);
}

void DnsService::look_at_networks() {
    auto networks = connected_networks();
    if (networks == networks_) return;
    networks_ = std::move(networks);
    publish(serving_->snapshot);
}

// A client's share is not made whole by a reload that leaves the limit as it was.
void DnsService::use_serving_settings() {
    const config::Document& document = serving_->document;
    if (!cookie_keys_) cookie_keys_.emplace(document.peers.key_file);
    if (document.dns.rate_limit == rate_limit_) return;
    rate_limit_ = document.dns.rate_limit;
    SystemRandom random;
    rate_limiter_ = make_rate_limiter(rate_limit_, {random.next(), random.next()});
}

// DNS over HTTPS that hearth-proxy, or any proxy of this machine, hands on.
void DnsService::listen_for_proxy() {
    const auto path = daemon_.options().run_dir / "doh.sock";
    const auto bound = workers_.front()->listen_for_proxy(path);
    if (bound) return daemon_.problems().clear("doh_socket");
    daemon_.problems().raise("doh_socket",
                             bound.error().to_string() + ": proxies cannot hand DNS over HTTPS on");
}

// --- requests ---

void DnsService::add_routes() {
    auto& control = daemon_.control();
    policy_->add_routes(control);
    control.route_async(ControlMethod::kGet, "/queries",
                        [this](const ControlRequest& request, const ControlServer::Reply& reply) {
                            queries(request, reply);
                        });
    control.route_async(ControlMethod::kGet, "/stats",
                        [this](const ControlRequest& request, const ControlServer::Reply& reply) {
                            stats(request, reply);
                        });
    control.route(ControlMethod::kGet, "/lists", [this](const ControlRequest&) {
        return ControlResponse::json(findings_.text.empty() ? "{\"lists\":[]}\n" : findings_.text);
    });
    control.route_async(ControlMethod::kPost, "/lists/reload",
                        [this](const ControlRequest& request, ControlServer::Reply reply) {
                            reload_lists(request, std::move(reply));
                        });
    control.route_async(ControlMethod::kGet, "/why",
                        [this](const ControlRequest& request, const ControlServer::Reply& reply) {
                            why_->answer(request, reply);
                        });
}

// hearth-lists sends what it found along: a full disk may have kept that from the state directory.
void DnsService::reload_lists(const ControlRequest& request, ControlServer::Reply reply) {
    disk_.post([this, body = request.body, reply = std::move(reply)] {
        auto image =
            std::make_shared<Result<std::shared_ptr<const BlockLists>>>(load_image(layout_));
        auto findings = std::make_shared<ListFindings>(body.empty() ? read_list_findings(layout_)
                                                                    : parse_list_findings(body));
        daemon_.control_loop().post([this, reply, image, findings] {
            note_findings(std::move(*findings));
            if (!*image) {
                const std::string text = image->error().to_string();
                take_image(std::move(*image));
                reply(ControlResponse::error(422, text));
                return;
            }
            take_image(std::move(*image));
            const std::size_t names = image_->set.size();
            log::info("lists_loaded", {{"names", names}});
            reply(ControlResponse::json("{\"names\":" + std::to_string(names) + "}\n"));
        });
    });
}

void DnsService::queries(const ControlRequest& request, const ControlServer::Reply& reply) {
    auto page = parse_query_page(request.query, wall_now_ms());
    if (!page) return reply(ControlResponse::error(400, page.error().to_string()));
    history_->page(std::move(*page), reply);
}

void DnsService::stats(const ControlRequest& request, const ControlServer::Reply& reply) {
    const auto range = stats_range(request);
    if (!range) return reply(ControlResponse::error(400, range.error().to_string()));
    history_->stats(*range, reply);
}

void DnsService::add_status(json::object& status) {
    const auto snapshot = published_.load();
    json::array listen;
    for (const auto& [endpoint, serves] : serving_->listen)
        listen.emplace_back(endpoint.to_string());
    if (serving_->document.dns.tls.is_on()) status["tls"] = certificate_.describe();
    status["listen"] = std::move(listen);
    status["domain"] = snapshot->domain.to_string();
    status["workers"] = workers_.size();
    names_->add_status(status);
    policy_->add_status(status);

    status["blocking"] = describe_lists(findings_, snapshot->blocking.enabled, image_.get());

    status["upstreams"] = describe_upstreams(*snapshot, workers_, *loops_);
    status["dropped_answers"] = describe_dropped(workers_);
    status["dnssec"] = resolving_.describe();

    std::uint64_t answered = 0;
    for (const auto& worker : workers_) answered += worker->log().end();
    status["queries"] = answered;
    status["query_log"] = query_log_json(history_->status(), serving_->document.dns.query_log);
}

}  // namespace

std::unique_ptr<runtime::Service> make_service(runtime::Daemon& daemon) {
    return std::make_unique<DnsService>(daemon);
}

}  // namespace hearth::dns
