#include "proxy/io/worker.h"

#include <malloc.h>

#include <algorithm>

#include "runtime/metrics.h"
#include "runtime/socket_store.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kAccessFlushSize = 64 * 1024;
constexpr int kBacklog = 1024;
constexpr Duration kTrimTime = 2s;

std::vector<Target> targets_of(const Service& service, const HostAddresses& addresses) {
    std::vector<Target> all;
    for (const UpstreamSpec& spec : service.upstreams) {
        for (const Endpoint& endpoint : endpoints_of(spec, addresses))
            all.push_back({endpoint, spec.weight});
    }
    return all;
}

bool holds(const std::vector<Listening>& all, const Listening& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

Worker::Worker(std::size_t number, runtime::MetricWorker& metrics, runtime::SocketStore& sockets,
               std::shared_ptr<TicketKeys> tickets, std::shared_ptr<IdleShelf> shelf,
               std::shared_ptr<ConnectionCounts> connections, Hooks hooks)
    : number_(number),
      sockets_(sockets),
      loop_("proxy-" + std::to_string(number)),
      hooks_(std::move(hooks)),
      state_(
          loop_, metrics, [this] { after_batch(); }, hooks_.upstream_changed, std::move(tickets),
          std::move(shelf), std::move(connections)),
      ticker_(loop_.context()) {
    state_.post = [this](std::function<void()> work) {
        loop_.post([this, work = std::move(work)] {
            state_.poller.refresh();
            work();
        });
    };
    state_.tell_of_room = [this] { hooks_.room_made(); };
    state_.turn = [this] { after_batch(); };
    tick();
}

Worker::~Worker() { end(); }

void Worker::end() {
    loop_.stop();
    loop_.join();
}

void Worker::start() {
    started_ = true;
    loop_.start();
}

void Worker::on_loop(const std::function<void()>& work) {
    if (started_) {
        loop_.run_and_wait(work);
    } else {
        work();
    }
}

std::string Worker::kept_name(const Listening& one) const {
    const char* purpose = "http";
    if (one.security == Security::kTls) purpose = "https";
    if (one.security == Security::kStream) purpose = "tcp";
    if (one.security == Security::kDatagram) purpose = "udp";
    return runtime::SocketStore::name_of(purpose, one.endpoint, number_);
}

Result<Worker::Listener> Worker::open_datagrams(const Listening& one) {
    // Few at a time, but as long as they come: memory that is never written is never taken.
    const runtime::UdpOptions options{.batch = 16, .receive_size = 65'535, .reply_size = 1};
    std::unique_ptr<runtime::UdpSocket> socket;
    if (auto left = sockets_.take(kept_name(one), one.endpoint)) {
        socket = runtime::UdpSocket::adopt(loop_, std::move(*left), options);
    } else {
        auto bound = runtime::UdpSocket::bind(loop_, one.endpoint, options);
        if (!bound) return fail(std::move(bound.error()));
        sockets_.keep(kept_name(one), (*bound)->descriptor());
        socket = std::move(*bound);
    }
    return Listener{one.security, nullptr,
                    std::make_unique<DatagramRelay>(state_, std::move(socket))};
}

// The process before this one may have left it, with clients that wait in it.
Result<Worker::Listener> Worker::open_listener(const Listening& one) {
    if (one.security == Security::kDatagram) return open_datagrams(one);
    const runtime::AcceptorOptions options{.backlog = kBacklog,
                                           .budget = state_.connections->budget()};
    std::unique_ptr<runtime::Acceptor> acceptor;
    if (auto left = sockets_.take(kept_name(one), one.endpoint)) {
        acceptor = runtime::Acceptor::adopt(loop_, std::move(*left), options);
    } else {
        auto opened = runtime::Acceptor::listen(loop_, one.endpoint, options);
        if (!opened) return fail(std::move(opened.error()));
        acceptor = std::move(*opened);
        sockets_.keep(kept_name(one), acceptor->descriptor());
    }
    Stream::hold_back(acceptor->descriptor());  // inherited by what it accepts
    return Listener{one.security, std::move(acceptor), nullptr};
}

Result<void> Worker::open_listeners(const std::vector<Listening>& wanted) {
    Result<void> result;
    on_loop([&] {
        std::vector<Listener> fresh;
        for (const Listening& one : wanted) {
            const bool open = std::any_of(listeners_.begin(), listeners_.end(),
                                          [&](const Listener& l) { return l.where() == one; });
            if (open) continue;
            auto opened = open_listener(one);
            if (!opened) {
                for (const Listener& listener : fresh) sockets_.forget(kept_name(listener.where()));
                result = fail(std::move(opened.error()));
                return;
            }
            fresh.push_back(std::move(*opened));
        }
        for (auto& listener : fresh) {
            if (listener.datagrams) {
                listener.datagrams->start();
            } else {
                listener.acceptor->start(
                    [this, security = listener.security](runtime::AcceptedConnection connection) {
                        accept(std::move(connection), security);
                    });
            }
            state_.poller.share(listener.descriptor());
            listeners_.push_back(std::move(listener));
        }
    });
    return result;
}

void Worker::close_other_listeners(const std::vector<Listening>& wanted) {
    on_loop([&] {
        std::erase_if(listeners_, [&](const Listener& l) {
            if (holds(wanted, l.where())) return false;
            state_.poller.remove(l.descriptor());
            sockets_.forget(kept_name(l.where()));
            return true;
        });
    });
}

void Worker::adopt(std::shared_ptr<const Snapshot> snapshot, const SharedServices& shared) {
    on_loop([&] {
        auto next = std::make_shared<Generation>();
        next->snapshot = std::move(snapshot);
        next->services.resize(next->snapshot->services.size());
        for (std::size_t i = 0; i < next->services.size(); ++i) {
            const Service& service = next->snapshot->services[i];
            ServiceState& state = next->services[i];
            state.service = &service;
            state.shared = shared.at(service.name);
            state.metrics = &state_.metrics.service(service.name);
            if (service.stream.kind != StreamKind::kNone)
                state.streams = &state_.metrics.streams(service.name);
            if (state_.generation) {
                // What is known of its endpoints is worth keeping.
                for (const ServiceState& old : state_.generation->services) {
                    if (old.service->name == service.name) state.balancer = old.balancer;
                }
            }
            state.balancer.configure(service.balancing.how, service.balancing.slow_start);
            set_targets(state);
        }
        state_.generation = std::move(next);
        state_.upstreams.forget_authorities();
        look_at_upstreams();
    });
}

void Worker::set_addresses(std::shared_ptr<const HostAddresses> addresses) {
    on_loop([&] {
        addresses_ = std::move(addresses);
        for (ServiceState& state : state_.generation->services) {
            set_targets(state);
        }
        look_at_upstreams();
    });
}

void Worker::look_at_upstreams() {
    for (const Listener& one : listeners_) {
        if (one.datagrams) one.datagrams->look_at_upstreams();
    }
}

void Worker::set_targets(ServiceState& state) {
    auto targets = targets_of(*state.service, *addresses_);
    if (state.service->balancing.how == Balance::kLeastConnections) {
        for (Target& target : targets) target.load = state.shared->load_of(target.endpoint);
    }
    state.balancer.set_targets(targets);
    state.securities.clear();
    state.upstream_metrics.clear();
    for (const UpstreamSpec& spec : state.service->upstreams) {
        UpstreamMetrics& metrics = state_.metrics.upstream(state.service->name, spec.text);
        for (const Endpoint& endpoint : endpoints_of(spec, *addresses_))
            state.upstream_metrics.emplace_back(endpoint, &metrics);
        if (!spec.security) continue;
        const auto security = std::make_shared<const UpstreamSecurity>(*spec.security);
        for (const Endpoint& endpoint : endpoints_of(spec, *addresses_))
            state.securities.emplace_back(endpoint, security);
    }
    for (const Target& target : targets) {
        const auto known = upstream_states_->find({state.service->name, target.endpoint});
        state.balancer.set_state(
            target.endpoint,
            known != upstream_states_->end() ? known->second : TargetState::kServes,
            state_.poller.now());
    }
}

void Worker::set_passwords(std::shared_ptr<PasswordChecker> passwords) {
    on_loop([&] { state_.passwords = std::move(passwords); });
}

void Worker::set_upstream_states(std::shared_ptr<const UpstreamStates> states) {
    on_loop([&] {
        upstream_states_ = std::move(states);
        for (ServiceState& state : state_.generation->services) set_targets(state);
        look_at_upstreams();
    });
}

void Worker::set_certificates(std::shared_ptr<const CertificateStore> store, UnknownName unknown) {
    on_loop([&] { state_.tls.adopt(std::move(store), unknown); });
}

void Worker::set_client_trust(std::shared_ptr<const ClientTrust> trust) {
    on_loop([&] { state_.client_trust = std::move(trust); });
}

void Worker::set_access_log(AccessFormat format) {
    on_loop([&] {
        flush_access();
        state_.access_format = format;
    });
}

void Worker::set_error_pages(std::shared_ptr<const ErrorPages> pages) {
    on_loop([&] { state_.error_pages = std::move(pages); });
}

bool Worker::admits(const Endpoint& peer) const {
    const Snapshot& snapshot = *state_.generation->snapshot;
    const IpAddress client = snapshot.one_client(peer.address);
    const bool many = state_.connections->of(client) >= snapshot.max_connections_per_address;
    if (!many && !state_.nuisances.is_spent(client, state_.poller.now())) return true;
    return peer.address.is_loopback() || is_trusted(peer.address, snapshot.trusted_proxies) ||
           is_trusted(peer.address, snapshot.proxy_protocol_from);
}

void Worker::accept(runtime::AcceptedConnection connection, Security security) {
    state_.metrics.connections.add();
    state_.poller.refresh();
    if (!admits(connection.peer)) {
        state_.metrics.failed(HopReason::kTooManyConnections);
        return;  // closes it
    }
    auto session = std::make_unique<ClientSession>(state_, std::move(connection), security);
    if (!session->start()) return;
    session->index = sessions_.size();
    sessions_.push_back(std::move(session));
}

void Worker::look_at_queue() {
    if (look_posted_.exchange(true, std::memory_order_acq_rel)) return;
    loop_.post([this] {
        look_posted_.store(false, std::memory_order_release);
        state_.poller.refresh();
        state_.look_at_queue();
        after_batch();
    });
}

void Worker::ask(UpstreamAsk ask) {
    loop_.post([this, ask = std::move(ask)] {
        state_.poller.refresh();
        state_.questions.ask(ask);
        after_batch();
    });
}

void Worker::after_batch() {
    state_.questions.deliver();
    reap();
    if (has_unfinished() && !std::exchange(turn_posted_, true)) {
        loop_.post([this] { go_on_with_unfinished(); });
    }
    if (state_.access_lines.size() > kAccessFlushSize) flush_access();
}

bool Worker::has_unfinished() const noexcept {
    return !state_.unfinished.empty() || !state_.to_flush.empty() || !state_.write_turn.empty() ||
           state_.upstreams.wants_flush() || state_.questions.has_answers();
}

void Worker::go_on_with_unfinished() {
    turn_posted_ = false;
    state_.poller.refresh();
    for (ClientSession* session : std::exchange(state_.unfinished, {})) session->go_on();
    after_batch();
}

// First what goes to upstreams, for all streams of HTTP/2 one after the other, then what their
// connections have to say, on both sides: what one side sends lets the other go on.
void Worker::flush() {
    constexpr int kRounds = 8;
    for (int round = 0; round < kRounds; ++round) {
        const std::vector<ClientSession*> sessions = std::exchange(state_.to_flush, {});
        for (ClientSession* session : sessions) session->run_streams();
        state_.write_turn.run();
        for (ClientSession* session : sessions) session->flush();
        if (!state_.upstreams.flush() && state_.to_flush.empty() && state_.write_turn.empty())
            return;
    }
}

void Worker::reap() {
    flush();
    if (!state_.closed.empty()) {
        const auto is_closed = [](const ClientSession* s) { return s->is_closed(); };
        std::erase_if(state_.unfinished, is_closed);
        std::erase_if(state_.to_flush, is_closed);
    }
    for (ClientSession* closed : state_.closed) {
        const std::size_t index = closed->index;
        if (index + 1 != sessions_.size()) {
            std::swap(sessions_[index], sessions_.back());
            sessions_[index]->index = index;
        }
        sessions_.pop_back();
    }
    state_.closed.clear();
    state_.upstreams.reap();
    for (const Listener& one : listeners_) {
        if (one.datagrams) one.datagrams->reap();
    }
    if (!state_.draining || !sessions_.empty() || !drained_) return;
    flush_access();
    std::exchange(drained_, nullptr)();
}

void Worker::tick() {
    last_tick_.store(state_.poller.now().time_since_epoch().count(), std::memory_order_relaxed);
    state_.access_followed = hooks_.access_followed();
    ticker_.expires_after(TimerWheel::kTick);
    ticker_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        state_.poller.refresh();
        while (Timer* timer = state_.timers.take_expired(state_.poller.now())) {
            static_cast<Timed*>(timer)->on_deadline();
        }
        state_.metrics.upstream_hand_overs.add(state_.upstreams.hand_over());
        state_.look_at_queue();
        after_batch();
        flush_access();
        trim();
        tick();
    });
}

// Not at once: what is given back and soon needed again costs more than both, and clients wait
// meanwhile.
void Worker::trim() {
    if (state_.poller.now() < trimmed_at_ + kTrimTime) return;
    trimmed_at_ = state_.poller.now();
    // Behind a crowd malloc keeps all that it needed, between what others still use.
    if (state_.blocks.trim() > BlockPool::kKept) ::malloc_trim(0);
}

void Worker::flush_access() {
    if (!state_.failures.empty())
        hooks_.failures(std::exchange(state_.failures, {}), std::exchange(state_.more_failures, 0));
    if (!state_.spans.empty())
        hooks_.spans(std::exchange(state_.spans, {}), std::exchange(state_.span_count, 0));
    if (state_.access_lines.empty() && state_.access_events.empty()) return;
    hooks_.access(std::exchange(state_.access_lines, {}), state_.access_format,
                  std::exchange(state_.access_events, {}));
}

void Worker::drain(std::function<void()> drained) {
    loop_.post([this, done = std::move(drained)]() mutable {
        state_.poller.refresh();
        state_.draining = true;
        drained_ = std::move(done);
        for (const Listener& one : listeners_) state_.poller.remove(one.descriptor());
        listeners_.clear();
        state_.upstreams.close_idle();
        for (const auto& session : sessions_) session->drain();
        reap();
        flush_access();
    });
}

}  // namespace hearth::proxy
