#include "dns/io/worker.h"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>

#include "dns/io/back_door.h"
#include "dns/io/resolver.h"
#include "dns/io/system_random.h"
#include "dns/io/upstream_sockets.h"
#include "dns/io/upstream_streams.h"
#include "runtime/udp_socket.h"

namespace hearth::dns {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kReportEvery{1};
constexpr std::size_t kMostBogus = 16;
constexpr std::uint64_t kOwnErrand = 1ULL << 63;          // the back door's are below
constexpr std::chrono::microseconds kDatagramsWait{500};  // at most, while connections have work

Moment present() {
    const auto wall =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    return {Clock::now(), wall.time_since_epoch().count()};
}

Transport transport_of(Serves serves) noexcept {
    switch (serves) {
        case Serves::kPlain: return Transport::kTcp;
        case Serves::kTls: return Transport::kTls;
        case Serves::kHttps: return Transport::kHttps;
    }
    return Transport::kTcp;
}

}  // namespace

struct Worker::Impl final : private PipelineActions {
    struct Listener {
        std::uint32_t id = 0;
        std::unique_ptr<runtime::UdpSocket> udp;
        bool streams = false;
    };

    Impl(const WorkerOptions& options, const runtime::Published<Snapshot>& source,
         LoopGuard& loop_guard)
        : loop(options.name),
          snapshots(source),
          log(options.log_entries),
          number(options.number),
          sockets(*options.sockets),
          tap(options.tap),
          deadline_timer(std::make_unique<boost::asio::steady_timer>(loop.context())),
          report_timer(std::make_unique<boost::asio::steady_timer>(loop.context())),
          streams(std::in_place, loop, options.streams,
                  StreamServer::Calls{
                      [this](const StreamServer::Question& question) { on_question(question); },
                      [this] { give_way(); }}),
          upstream_streams(std::in_place, loop,
                           [this](std::uint64_t exchange, UpstreamIndex upstream, ByteView answer) {
                               on_stream_answer(exchange, upstream, answer);
                           }),
          upstreams(std::in_place, loop,
                    [this](UpstreamIndex upstream, unsigned slot, ByteView packet) {
                        on_datagram(upstream, slot, packet);
                    }),
          back_door(loop, [this](std::uint64_t errand, std::uint16_t group,
                                 const QueryView& query) { on_errand(errand, group, query); }),
          pipeline(options.pipeline, *this, random, loop_guard, log, tally),
          stream_buffer(kMaxMessage) {
        report_later();
    }

    // --- questions ---

    void on_batch(std::uint32_t listener, runtime::UdpBatch& batch) {
        const Snapshot& snapshot = snapshots.get();
        const Moment moment = present();
        QueryContext context;
        context.now = moment.now;
        context.wall_ms = moment.wall_ms;
        context.path.transport = Transport::kUdp;
        context.path.listener = listener;
        is_in_batch = true;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const runtime::UdpPath& path = batch[i].path;
            context.path.client = path.peer;
            context.path.local = path.local;
            context.path.interface = path.ifindex;
            batch.reply(i, answer(snapshot, context, batch[i].payload, batch.reply_space(i)));
        }
        is_in_batch = false;
        arm();
    }

    void on_question(const StreamServer::Question& question) {
        const Moment moment = present();
        QueryContext context;
        context.path = question.path;
        context.now = moment.now;
        context.wall_ms = moment.wall_ms;
        context.keepalive = question.keepalive;
        const std::size_t before = pipeline.forward().waiting();
        replied = false;
        const std::size_t size =
            answer(snapshots.get(), context, question.packet, ByteSpan(stream_buffer));
        if (size > 0) {
            streams->reply(question.path, ByteView(stream_buffer).first(size));
        } else if (pipeline.forward().waiting() == before && !replied) {
            streams->settle(question.path);
        }
        arm();
    }

    // A thousand connections that wake up at once, or handshakes, keep no datagram waiting.
    void give_way() {
        if (is_in_batch || Clock::now() < datagrams_due) return;
        for (auto& [endpoint, listener] : listeners)
            if (listener.udp) listener.udp->poll();
        datagrams_due = Clock::now() + kDatagramsWait;
    }

    std::size_t answer(const Snapshot& snapshot, const QueryContext& context, ByteView packet,
                       ByteSpan out) {
        if (tap != nullptr)
            copy(DnstapMessage::Type::kClientQuery, context.path, context.wall_ms, packet);
        const std::size_t size = pipeline.handle(snapshot, context, packet, out);
        if (tap != nullptr && size > 0)
            copy(DnstapMessage::Type::kClientResponse, context.path, context.wall_ms,
                 ByteView(out).first(size));
        return size;
    }

    void copy(DnstapMessage::Type type, const ReplyPath& path, std::int64_t wall_ms,
              ByteView packet) {
        tap->send(number, {type, path.transport, path.client, path.local, wall_ms, packet});
    }

    // --- what the pipeline wants ---

    void send_udp(UpstreamIndex upstream, const Endpoint& endpoint, unsigned slot,
                  ByteView question) override {
        upstreams->send(upstream, endpoint, slot, question);
    }
    void ask_stream(std::uint64_t exchange, UpstreamIndex upstream, const UpstreamServer& server,
                    ByteView question) override {
        upstream_streams->ask(exchange, upstream, server, question);
    }
    void resolve(std::uint64_t exchange, UpstreamIndex upstream, const UpstreamServer& server,
                 const ForwardQuestion& question) override {
        const auto answered =
            [this, exchange, upstream, qname = question.qname, qtype = question.qtype,
             is_checked = !question.checking_disabled](const Resolver::Answer& answer) {
                if (is_checked && answer.security == Security::kBogus)
                    note_bogus({qname, qtype, std::string(bogus_reason(answer.why))});
                on_resolved(exchange, upstream, answer);
            };
        for (const auto& [served, resolver] : *resolvers)
            if (served == server)
                return resolver->ask(question.qname, question.qtype, loop, answered);
        loop.post([answered] { answered({}); });
    }
    void errand_done(std::uint64_t errand, ByteView answer) override {
        const auto look_up = look_ups.extract(errand);
        if (look_up.empty()) return back_door.reply(errand, answer);
        look_up.mapped()(answer);
    }
    void reply(const ReplyPath& path, ByteView answer) override {
        replied = true;
        if (tap != nullptr)
            copy(DnstapMessage::Type::kClientResponse, path, present().wall_ms, answer);
        if (path.transport != Transport::kUdp) return streams->reply(path, answer);
        for (auto& [endpoint, listener] : listeners)
            if (listener.id == path.listener && listener.udp)
                listener.udp->send({path.client, path.local, path.interface}, answer);
    }

    // --- upstreams and time ---

    void on_datagram(UpstreamIndex upstream, unsigned slot, ByteView packet) {
        pipeline.on_datagram(snapshots.get(), present(), upstream, slot, packet);
        arm();
    }
    void on_stream_answer(std::uint64_t exchange, UpstreamIndex upstream, ByteView answer) {
        const Snapshot& snapshot = snapshots.get();
        if (answer.empty()) {
            pipeline.on_stream_failure(snapshot, present(), exchange, upstream);
        } else {
            pipeline.on_stream_answer(snapshot, present(), exchange, upstream, answer);
        }
        arm();
    }

    void on_resolved(std::uint64_t exchange, UpstreamIndex upstream,
                     const Resolver::Answer& answer) {
        pipeline.on_resolved(snapshots.get(), present(), exchange, upstream,
                             {answer.packet, answer.security, answer.why});
        arm();
    }
    void note_bogus(const Bogus& found) {
        std::erase_if(bogus, [&](const Bogus& known) {
            return known.name == found.name && known.type == found.type;
        });
        bogus.push_front(found);
        if (bogus.size() > kMostBogus) bogus.pop_back();
    }
    void on_errand(std::uint64_t errand, std::uint16_t group, const QueryView& query) {
        pipeline.run_errand(snapshots.get(), present(), errand, group, query);
        arm();
    }

    void look_up(const Name& name, RrType type, std::uint16_t group,
                 std::function<void(ByteView)> done) {
        std::array<std::uint8_t, 512> buffer;
        const std::size_t size = write_upstream_question(buffer, {0, name, type});
        QueryView query;
        if (parse_query(ByteView(buffer).first(size), query) != QueryFault::kNone) return done({});
        const std::uint64_t errand = kOwnErrand | next_look_up++;
        look_ups.emplace(errand, std::move(done));
        on_errand(errand, group, query);
    }

    void arm() {
        if (pipeline.forward().upstreams().all().size() != reported_upstreams) take_report();
        const TimePoint next = pipeline.next_deadline();
        if (next == armed) return;
        armed = next;
        if (next == kNever) {
            deadline_timer->cancel();
            return;
        }
        deadline_timer->expires_at(next);
        deadline_timer->async_wait([this](boost::system::error_code error) {
            if (error) return;
            armed = kNever;
            pipeline.on_timer(snapshots.get(), present());
            arm();
        });
    }

    void report_later() {
        report_timer->expires_after(kReportEvery);
        report_timer->async_wait([this](boost::system::error_code error) {
            if (error) return;
            upstreams->tidy();
            upstream_streams->tidy();
            take_report();
            report_later();
        });
    }

    // At once when there is a new upstream: the query log names it.
    void take_report() {
        const std::lock_guard lock(report_mutex);
        report.upstreams = pipeline.forward().upstreams().all();
        report.connections = streams->open_connections();
        report.bogus = bogus;
        report.troubles = upstream_streams->troubles();
        reported_upstreams = report.upstreams.size();
    }

    // --- addresses ---

    std::vector<ListenFailure> listen(const std::vector<ListenAddress>& wanted) {
        std::erase_if(listeners, [&](const auto& entry) {
            const bool keep = std::find(wanted.begin(), wanted.end(), entry.first) != wanted.end();
            if (keep) return false;
            if (entry.second.streams) {
                streams->close(entry.first.endpoint);
                sockets.forget(kept_name(entry.first));
            }
            if (entry.second.udp) sockets.forget(kept_udp_name(entry.first));
            return true;
        });
        std::vector<ListenFailure> failures;
        for (const ListenAddress& address : wanted)
            if (auto opened = open(address); !opened)
                failures.push_back({address.endpoint, std::move(opened.error())});
        return failures;
    }

    Result<void> open(const ListenAddress& address) {
        Listener& listener = listeners[address];
        if (!listener.udp && address.serves == Serves::kPlain) {
            auto socket = open_udp(address);
            if (!socket) return fail(std::move(socket.error()));
            listener.id = next_listener++;
            listener.udp = std::move(*socket);
            listener.udp->start(
                [this, id = listener.id](runtime::UdpBatch& batch) { on_batch(id, batch); });
        }
        if (!listener.streams) {
            if (auto opened = open_streams(address); !opened) return opened;
            listener.streams = true;
        }
        return {};
    }

    // The process before this one may have left the sockets, with questions that wait in them.
    Result<std::unique_ptr<runtime::UdpSocket>> open_udp(const ListenAddress& address) {
        runtime::UdpOptions options;
        options.reply_size = kEdnsUdpSize;
        const std::string name = kept_udp_name(address);
        if (auto left = sockets.take(name, address.endpoint))
            return runtime::UdpSocket::adopt(loop, std::move(*left), options);
        auto socket = runtime::UdpSocket::bind(loop, address.endpoint, options);
        if (socket) sockets.keep(name, (*socket)->descriptor());
        return socket;
    }

    Result<void> open_streams(const ListenAddress& address) {
        const std::string name = kept_name(address);
        const Transport transport = transport_of(address.serves);
        if (auto left = sockets.take(name, address.endpoint)) {
            streams->adopt(std::move(*left), transport);
            return {};
        }
        const auto bound = streams->listen(address.endpoint, transport);
        if (!bound) return fail(bound.error());
        sockets.keep(name, streams->descriptor(*bound));
        return {};
    }

    [[nodiscard]] std::string kept_udp_name(const ListenAddress& address) const {
        return runtime::SocketStore::name_of("udp", address.endpoint, number);
    }
    [[nodiscard]] std::string kept_name(const ListenAddress& address) const {
        const auto purpose = to_string(transport_of(address.serves));
        return runtime::SocketStore::name_of(purpose, address.endpoint, number);
    }

    // Destroyed while the loop does not run, and before the loop.
    runtime::EventLoop loop;
    bool started = false;
    runtime::Published<Snapshot>::Reader snapshots;
    SystemRandom random;
    QueryLog log;
    unsigned number;
    runtime::SocketStore& sockets;
    Dnstap* tap;
    Tally tally;
    std::unique_ptr<boost::asio::steady_timer> deadline_timer;
    std::unique_ptr<boost::asio::steady_timer> report_timer;
    std::optional<StreamServer> streams;
    std::optional<UpstreamStreams> upstream_streams;
    std::optional<UpstreamSockets> upstreams;
    BackDoor back_door;
    std::deque<Bogus> bogus;
    std::map<std::uint64_t, std::function<void(ByteView)>> look_ups;  // by errand
    std::uint64_t next_look_up = 0;
    std::shared_ptr<const Resolvers> resolvers = std::make_shared<const Resolvers>();
    QueryPipeline pipeline;
    std::map<ListenAddress, Listener> listeners;
    std::uint32_t next_listener = 1;
    TimePoint armed = kNever;
    bool replied = false;
    TimePoint datagrams_due{};
    bool is_in_batch = false;
    std::vector<std::uint8_t> stream_buffer;
    mutable std::mutex report_mutex;
    Report report;
    std::size_t reported_upstreams = 0;
};

Worker::Worker(const WorkerOptions& options, const runtime::Published<Snapshot>& snapshots,
               LoopGuard& loops)
    : impl_(std::make_unique<Impl>(options, snapshots, loops)) {}

Worker::~Worker() { stop(); }

std::vector<Worker::ListenFailure> Worker::listen(const std::vector<ListenAddress>& addresses) {
    if (!impl_->started) return impl_->listen(addresses);
    std::vector<ListenFailure> failures;
    impl_->loop.run_and_wait([&] { failures = impl_->listen(addresses); });
    return failures;
}

Result<void> Worker::listen_for_proxy(const std::filesystem::path& path) {
    return impl_->streams->listen_for_proxy(path);
}

void Worker::set_identity(std::shared_ptr<const TlsIdentity> identity) {
    impl_->loop.post(
        [impl = impl_.get(), shown = std::move(identity)] { impl->streams->set_identity(shown); });
}

void Worker::start() {
    impl_->started = true;
    impl_->loop.start();
}

void Worker::set_trust(std::shared_ptr<const TlsTrust> trust) {
    impl_->loop.post([impl = impl_.get(), trust = std::move(trust)] {
        impl->upstream_streams->set_trust(trust);
    });
}

void Worker::set_resolvers(std::shared_ptr<const Resolvers> resolvers) {
    if (!impl_->started) {
        impl_->resolvers.swap(resolvers);
    } else {
        impl_->loop.run_and_wait([&] { impl_->resolvers.swap(resolvers); });
    }
}

Result<Endpoint> Worker::open_back_door(std::uint16_t group) {
    if (!impl_->started) return impl_->back_door.open(group);
    Result<Endpoint> opened = fail(Errc::kSystem, "", "");
    impl_->loop.run_and_wait([&] { opened = impl_->back_door.open(group); });
    return opened;
}

void Worker::look_up(const Name& name, RrType type, std::uint16_t group,
                     std::function<void(ByteView)> done) {
    impl_->loop.post([impl = impl_.get(), name, type, group, done = std::move(done)]() mutable {
        impl->look_up(name, type, group, std::move(done));
    });
}

void Worker::refresh() {
    impl_->loop.post([impl = impl_.get()] { (void)impl->snapshots.get(); });
}

void Worker::stop() {
    impl_->loop.stop();
    impl_->loop.join();
    impl_->started = false;
}

runtime::EventLoop& Worker::loop() noexcept { return impl_->loop; }

const QueryLog& Worker::log() const noexcept { return impl_->log; }

const Tally& Worker::tally() const noexcept { return impl_->tally; }

std::size_t Worker::cache_bytes() const noexcept { return impl_->pipeline.cache().limits().bytes; }

Worker::Report Worker::report() const {
    const std::lock_guard lock(impl_->report_mutex);
    return impl_->report;
}

}  // namespace hearth::dns
