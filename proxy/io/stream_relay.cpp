#include "proxy/io/stream_relay.h"

#include <algorithm>

#include "base/proxy_protocol.h"
#include "proxy/io/stream_metrics.h"

namespace hearth::proxy {

namespace {

constexpr Duration kConnectTime = 3s;
constexpr Duration kSilence = 250ms;  // of a connection whose worker stops
constexpr int kRoundsPerTurn = 16;    // of up to a block each way

}  // namespace

std::string_view tls_alert(HopReason reason) noexcept {
    constexpr std::string_view kAccessDenied("\x15\x03\x03\x00\x02\x02\x31", 7);
    constexpr std::string_view kInternalError("\x15\x03\x03\x00\x02\x02\x50", 7);
    return reason == HopReason::kForbidden ? kAccessDenied : kInternalError;
}

StreamRelay::StreamRelay(WorkerState& worker, RequestClient& client, const ClientIdentity& who,
                         std::shared_ptr<Generation> generation, ServiceState& service)
    : worker_(worker),
      client_(client),
      who_(who),
      generation_(std::move(generation)),
      service_(service),
      to_upstream_(worker.blocks),
      to_client_(worker.blocks),
      began_(worker.poller.now()),
      moved_at_(began_) {}

StreamRelay::~StreamRelay() {
    tell_of_it();
    leave_upstream();
    if (counted_) service_.shared->running.fetch_sub(1, std::memory_order_relaxed);
}

bool StreamRelay::admit() {
    if (!route().allow.empty() && !is_trusted(who_.address, route().allow)) {
        (void)break_off(HopReason::kForbidden);
        return false;
    }
    counted_ = true;
    if (service_.shared->running.fetch_add(1, std::memory_order_relaxed) >= route().most) {
        (void)break_off(HopReason::kOverloaded);
        return false;
    }
    service_.streams->accepted.add();
    client_.watch_peer();
    const std::string header = proxy_header(service_.service->send_proxy_protocol,
                                            {who_.address, who_.port}, client_.local());
    std::copy(header.begin(), header.end(), to_upstream_.waiting.room().begin());
    to_upstream_.waiting.filled(header.size());
    return true;
}

StreamRelay::Life StreamRelay::run() {
    if (!upstream_) {
        if (const Life life = connect(); life != Life::kGoesOn) return life;
    }
    if (!connected_) {
        if (const Life life = finish_connect(); life != Life::kGoesOn || !connected_) return life;
    }
    return relay();
}

StreamRelay::Life StreamRelay::connect() {
    while (!upstream_) {
        const std::uint64_t key =
            service_.service->balancing.how == Balance::kSourceHash ? key_of(who_.address) : 0;
        const bool may_try = tried_count_ < std::min(tried_.size(), service_.balancer.size());
        const auto endpoint =
            may_try ? service_.balancer.pick({{tried_.data(), tried_count_}, key, 0}, now())
                    : std::nullopt;
        if (!endpoint) {
            return break_off(service_.balancer.size() == 0 ? HopReason::kNameNotResolved
                             : may_try                     ? HopReason::kNoHealthyUpstream
                                                           : HopReason::kUnreachable);
        }
        endpoint_ = *endpoint;
        HopReason why = HopReason::kNone;
        upstream_ = worker_.upstreams.connect({endpoint_, nullptr}, why);
        if (!upstream_) {
            connection_failed(why);
            continue;
        }
        worker_.metrics.upstream_connects.add();
        running_ = service_.balancer.begin(endpoint_);
        upstream_->set_user(this);
        connect_until_ = now() + kConnectTime;
    }
    return Life::kGoesOn;
}

// It is another one's turn.
void StreamRelay::connection_failed(HopReason why) {
    leave_upstream();
    failure_ = why;
    worker_.metrics.failed(why);
    if (service_.balancer.failed(endpoint_, now())) worker_.upstream_changed(endpoint_, why);
    if (tried_count_ < tried_.size()) tried_[tried_count_++] = endpoint_;
}

StreamRelay::Life StreamRelay::finish_connect() {
    while (upstream_) {
        const auto result = upstream_->connect_result();
        if (!result) {
            client_.wake_at(connect_until_);
            return Life::kGoesOn;
        }
        if (*result == HopReason::kNone) {
            connected_ = true;
            moved_at_ = now();
            upstream_->connection()->watch_peer();
            if (service_.balancer.succeeded(endpoint_, now()))
                worker_.upstream_changed(endpoint_, HopReason::kNone);
            return Life::kGoesOn;
        }
        connection_failed(*result);
        if (const Life life = connect(); life != Life::kGoesOn) return life;
    }
    return Life::kGoesOn;
}

template <class From, class To>
StreamRelay::Moved StreamRelay::move(Way& way, From& from, To& to, runtime::Counter& counter) {
    Moved moved = Moved::kNothing;
    if (way.waiting.empty() && !way.ended && from.readable()) {
        const IoResult got = from.read(way.waiting.room());
        if (got.status == IoStatus::kFailed) return Moved::kFailed;
        way.ended = got.status == IoStatus::kEnd;
        if (got.status == IoStatus::kMoved) {
            way.waiting.filled(got.octets);
            way.octets += got.octets;
            counter.add(got.octets);
        }
        if (got.status != IoStatus::kWouldBlock) moved = Moved::kSomething;
    }
    if (!way.waiting.empty() && to.writable()) {
        Outgoing piece;
        piece.add(way.waiting.text());
        const IoResult sent = to.write(piece);
        if (sent.status == IoStatus::kFailed) return Moved::kFailed;
        if (sent.status == IoStatus::kMoved) {
            way.waiting.consume(sent.octets);
            moved = Moved::kSomething;
        }
    }
    if (way.waiting.empty()) {
        way.waiting.release();
        if (way.ended && !way.passed) {
            way.passed = true;
            to.end_writing();
        }
    }
    return moved;
}

StreamRelay::Life StreamRelay::relay() {
    bool goes_on = true;
    for (int round = 0; goes_on; ++round) {
        if (round == kRoundsPerTurn) {
            client_.give_way();
            break;
        }
        const Moved up = move(to_upstream_, client_, *upstream_, service_.streams->from_clients);
        const Moved down = move(to_client_, *upstream_, client_, service_.streams->to_clients);
        if (up == Moved::kFailed || down == Moved::kFailed) return break_off(HopReason::kReset);
        goes_on = up == Moved::kSomething || down == Moved::kSomething;
        if (goes_on) moved_at_ = now();
    }
    if (to_upstream_.passed && to_client_.passed) return end(StreamClose::kClosed);
    client_.wake_at(moved_at_ + (worker_.draining ? kSilence : route().idle_timeout));
    return Life::kGoesOn;
}

StreamRelay::Life StreamRelay::on_deadline() {
    if (!connected_ && upstream_) {
        if (now() < connect_until_) return run();
        connection_failed(HopReason::kConnectTimeout);
        return run();
    }
    if (now() < moved_at_ + (worker_.draining ? kSilence : route().idle_timeout)) return run();
    return end(worker_.draining ? StreamClose::kStopped : StreamClose::kIdle);
}

StreamRelay::Life StreamRelay::end(StreamClose how) {
    close_ = how;
    return Life::kEnded;
}

void StreamRelay::tell_of_it() const {
    StreamRecord record;
    record.kind = route().kind;
    record.client = {who_.address, who_.port};
    record.service = service_.service->name;
    if (connected_) record.upstream = endpoint_;
    record.from_client = to_upstream_.octets;
    record.to_client = to_client_.octets;
    record.duration = now() - began_;
    record.close = close_;
    record.reason = failure_;
    worker_.log_stream(record);
}

void StreamRelay::drain() {
    if (connected_) client_.wake_at(std::max(moved_at_, now() - kSilence) + kSilence);
}

// What either side got is not everything: both are told.
StreamRelay::Life StreamRelay::break_off(HopReason why) {
    close_ = StreamClose::kFailed;
    if (connected_ || failure_ == HopReason::kNone) failure_ = why;  // else the first cause
    worker_.metrics.failed(why);
    if (upstream_) upstream_->connection()->abort_on_close();
    if (!connected_ && route().kind == StreamKind::kTls) {
        Outgoing alert;
        alert.add(tls_alert(why));
        (void)client_.write(alert);  // fits into an empty socket, or nobody needs it
        return Life::kEnded;
    }
    return Life::kBroken;
}

void StreamRelay::leave_upstream() {
    if (!upstream_) return;
    running_.end();
    worker_.upstreams.discard(std::move(upstream_));
}

}  // namespace hearth::proxy
