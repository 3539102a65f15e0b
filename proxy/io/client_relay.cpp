// The part of ClientRequest that moves octets between the client and an upstream.

#include <algorithm>

#include "proxy/io/client_request.h"
#include "runtime/metrics.h"

namespace hearth::proxy {

namespace {
constexpr int kRoundsPerTurn = 16;  // of up to a block each way
}  // namespace

ClientRequest::Next ClientRequest::start_attempt() {
    ActiveExchange& active = *active_;
    Balancer& balancer = active.service->balancer;
    const Balancer::Asker asker{
        {active.tried.data(), active.tried_count}, active.client_key, active.sticky_token};
    const auto endpoint = balancer.pick(asker, now());
    if (!endpoint) return no_upstream();
    active.record.upstream = *endpoint;
    active.record.upstream_socket = socket_at(*active.service->service, *endpoint);
    active.running = balancer.begin(*endpoint);
    active.trace.asked_upstream = now();
    ++active.trace.attempts;
    state_ = State::kRelay;

    reach_upstream(needs());
    return Next::kRun;
}

// Extended CONNECT stands for GET alone (RFC 8441 §4).
UpstreamTarget::Needs ClientRequest::needs() const noexcept {
    using Needs = UpstreamTarget::Needs;
    const ActiveExchange& active = *active_;
    if (!active.service->service->keeps_connections()) return Needs::kHttp1;
    if (!active.exchange.asks_for_upgrade()) return Needs::kAny;
    return active.record.method == Method::kGet ? Needs::kTunnel : Needs::kHttp1;
}

// Over a connection that is there, or a new one.
void ClientRequest::reach_upstream(UpstreamTarget::Needs needs) {
    ActiveExchange& active = *active_;
    const Endpoint& endpoint = active.record.upstream;
    const UpstreamTarget target{endpoint, active.service->security_of(endpoint), needs, preamble()};
    active.connected = false;
    if (!active.exchange.needs_fresh_upstream() && active.service->service->keeps_connections()) {
        const auto check = is_idempotent(active.record.method) ? UpstreamPool::Check::kKnownState
                                                               : UpstreamPool::Check::kAskKernel;
        if (auto kept = worker_.upstreams.take_idle(target, check)) {
            worker_.metrics.upstream_reuses.add();
            attach(std::move(kept));
            active.connected = active.upstream->connect_result() == HopReason::kNone;
            if (active.connected)
                active.exchange.upstream_ready(Exchange::UpstreamConnection::kReused, now());
            return;
        }
    }
    HopReason why = HopReason::kNone;
    auto fresh = worker_.upstreams.connect(target, why);
    if (!fresh) return active.exchange.upstream_failed(why);
    worker_.metrics.upstream_connects.add();
    attach(std::move(fresh));
}

ClientRequest::Next ClientRequest::no_upstream() {
    const ServiceState& service = *active_->service;
    HopReason reason = HopReason::kNoHealthyUpstream;
    // Literal addresses are always there: what is missing is a name's.
    if (service.balancer.size() == 0) reason = HopReason::kNameNotResolved;
    if (service.service->upstreams.empty()) reason = HopReason::kNoUpstream;
    return failed({reason, Refusal::kNone});
}

void ClientRequest::leave_upstream() noexcept { active_->running.end(); }

void ClientRequest::attach(std::unique_ptr<UpstreamLeg> leg) {
    leg->set_user(this);
    active_->upstream = std::move(leg);
}

void ClientRequest::upstream_connected() {
    ActiveExchange& active = *active_;
    active.connected = true;
    if (active.service->balancer.succeeded(active.record.upstream, now())) {
        worker_.upstream_changed(active.record.upstream, HopReason::kNone);
    }
    active.exchange.upstream_ready(Exchange::UpstreamConnection::kFresh, now());
}

// False while the connection is under way.
bool ClientRequest::finish_connect() {
    ActiveExchange& active = *active_;
    auto result = active.upstream->connect_result();
    if (result == HopReason::kNone) {
        attach(worker_.upstreams.opened(std::move(active.upstream)));
        result = active.upstream->connect_result();  // a tunnel over HTTP/2 has to be allowed
    }
    if (!result) return false;
    if (result == HopReason::kNone) {
        upstream_connected();
    } else if (result == HopReason::kNoTunnel && may_try_http1()) {
        drop_upstream();
        reach_upstream(UpstreamTarget::Needs::kHttp1);
        return active.connected || active.exchange.verdict() != Exchange::Verdict::kGoOn;
    } else {
        active.exchange.upstream_failed(*result);
    }
    return true;
}

// HTTP/2 was agreed on, and takes no tunnels; something else might be.
bool ClientRequest::may_try_http1() const noexcept {
    const ActiveExchange& active = *active_;
    const auto security = active.service->security_of(active.record.upstream);
    return active.upstream->connection() == nullptr && security &&
           security->protocol == UpstreamProtocol::kHttps;
}

ClientRequest::Next ClientRequest::relay() {
    ActiveExchange& active = *active_;
    Exchange& exchange = active.exchange;
    const auto goes_on = [&exchange] { return exchange.verdict() == Exchange::Verdict::kGoOn; };

    if (goes_on() && exchange.connecting() && !finish_connect()) {
        client_.wake_at(exchange.deadline());
        return Next::kWait;
    }
    if (puts_off_writing()) return Next::kWait;
    bool moved = true;
    for (int round = 0; moved && goes_on(); ++round) {
        if (round == kRoundsPerTurn) {
            // A fast pair could keep its worker busy for as long as its bodies last.
            client_.give_way();
            return Next::kWait;
        }
        moved = read_client();
        moved |= write_upstream();
        moved |= read_upstream();
        moved |= write_client();
    }
    if (!goes_on()) return conclude();
    pass_ends();
    watch_silence();
    active.release_empty_buffers();
    client_.wake_at(exchange.deadline());
    return Next::kWait;
}

// Reads what there is. True when something is to be written, at the end of the batch. One of few
// does not wait for the others: where there is little to do, it would only be later.
bool ClientRequest::puts_off_writing() {
    if (awaits_turn_) return true;
    if (worker_.write_turn.has_come() || worker_.poller.has_few()) return false;
    const Exchange& exchange = active_->exchange;
    const bool is_shared = client_.is_shared();
    if (exchange.verdict() == Exchange::Verdict::kGoOn) (void)read_client();
    if (exchange.verdict() == Exchange::Verdict::kGoOn && !is_shared) (void)read_upstream();
    if (exchange.verdict() != Exchange::Verdict::kGoOn) return false;
    const bool for_upstream = !exchange.to_upstream().empty() && active_->upstream->writable();
    const bool for_client = !is_shared && !exchange.to_client().empty() && client_.writable();
    awaits_turn_ = for_upstream || for_client;
    if (!awaits_turn_) return false;
    using To = WriteTurn::To;
    worker_.write_turn.add(*this, for_upstream ? To::kUpstream : To::kClient);
    return true;
}

bool ClientRequest::read_client() {
    ActiveExchange& active = *active_;
    if (!active.exchange.wants_client_bytes()) return false;
    Buffer& in = active.client_in;
    if (in.empty()) {
        if (!client_.readable()) return false;
        const IoResult got = client_.read(in.room());
        switch (got.status) {
            case IoStatus::kWouldBlock: return false;
            case IoStatus::kEnd:
                active.exchange.client_closed(now(), client_.trailers());
                return true;
            case IoStatus::kFailed: active.exchange.client_failed(); return true;
            case IoStatus::kMoved: in.filled(got.octets); break;
        }
    }
    const std::size_t used = active.exchange.client_bytes(in.bytes(), now());
    in.consume(used);
    return used > 0;
}

bool ClientRequest::write_upstream() {
    ActiveExchange& active = *active_;
    UpstreamLeg& upstream = *active.upstream;
    if (active.exchange.to_upstream().empty() || !upstream.writable()) return false;
    const IoResult sent = upstream.write(active.exchange.to_upstream());
    if (sent.status == IoStatus::kWouldBlock) return false;
    if (sent.status == IoStatus::kMoved) {
        active.exchange.wrote_to_upstream(sent.octets, now());
    } else {
        active.exchange.upstream_write_failed();
    }
    return true;
}

bool ClientRequest::read_upstream() {
    ActiveExchange& active = *active_;
    if (!active.exchange.wants_upstream_bytes()) return false;
    Buffer& in = active.upstream_in;
    UpstreamLeg& upstream = *active.upstream;
    bool moved = false;
    if (upstream.readable() && !in.room().empty()) {
        const IoResult got = upstream.read(in.room());
        switch (got.status) {
            case IoStatus::kWouldBlock: break;
            case IoStatus::kEnd:
                // What came before goes first: an answer behind an interim one, which left alone.
                if (!in.empty() && hand_to_exchange() > 0) return true;
                active.exchange.upstream_closed(now());
                return true;
            case IoStatus::kFailed:
                active.exchange.upstream_failed(upstream.failure());
                return true;
            case IoStatus::kMoved:
                in.filled(got.octets);
                moved = true;
                break;
        }
    }
    if (in.empty()) return moved;
    return hand_to_exchange() > 0 || moved;
}

std::size_t ClientRequest::hand_to_exchange() {
    ActiveExchange& active = *active_;
    Buffer& in = active.upstream_in;
    const std::size_t used =
        active.exchange.upstream_bytes(in.bytes(), active.response_head.whole(), now());
    in.consume(used);
    return used;
}

bool ClientRequest::write_client() {
    ActiveExchange& active = *active_;
    if (const auto head = active.exchange.take_head_to_client(); !head.empty()) {
        const bool is_all = active.exchange.response_read() &&
                            active.exchange.to_client().empty() &&
                            active.exchange.trailers_to_client().empty();
        client_.write_head(head, is_all ? StreamEnd::kEnded : StreamEnd::kOpen);
        return true;
    }
    if (active.exchange.to_client().empty() || !client_.writable()) return false;
    const IoResult sent = client_.write(active.exchange.to_client());
    if (sent.status == IoStatus::kWouldBlock) return false;
    if (sent.status == IoStatus::kMoved) {
        active.exchange.wrote_to_client(sent.octets, now());
    } else {
        active.exchange.client_failed();
    }
    return true;
}

void ClientRequest::pass_ends() {
    ActiveExchange& active = *active_;
    if (active.exchange.take_upstream_end()) active.upstream->end_writing();
    if (active.exchange.take_client_end()) client_.end_writing();
}

// Where silence has no limit, the kernel asks whether the peer is still there.
void ClientRequest::watch_silence() {
    ActiveExchange& active = *active_;
    if (active.watched || !active.exchange.may_be_silent()) return;
    active.watched = true;
    client_.watch_peer();
}

ClientRequest::Next ClientRequest::conclude() {
    ActiveExchange& active = *active_;
    const Exchange::Verdict verdict = active.exchange.verdict();
    if (verdict == Exchange::Verdict::kFinished) return finished();

    const HopReason reason = active.exchange.error().reason;
    if (!active.connected && hop_of(reason) == Hop::kUpstream) {
        // Who takes no tunnels may well take requests.
        if (reason != HopReason::kNoTunnel &&
            active.service->balancer.failed(active.record.upstream, now())) {
            worker_.upstream_changed(active.record.upstream, reason);
        }
        if (active.tried_count < active.tried.size()) {
            active.tried[active.tried_count++] = active.record.upstream;
        }
    }
    if (active.connected && hop_of(reason) == Hop::kUpstream && reason != HopReason::kTruncated)
        active.service->balancer.broke_off(active.record.upstream, now());
    if (verdict == Exchange::Verdict::kFailed) return failed(active.exchange.error());
    leave_upstream();
    drop_upstream();
    active.upstream_in.release();
    active.exchange.try_again(now());
    return start_attempt();
}

// Its answer has nobody to go to.
void ClientRequest::abandon_upstream() {
    ActiveExchange& active = *active_;
    if (!active.upstream || !active.service->service->keeps_connections()) return drop_upstream();
    worker_.unwanted.leave(
        std::move(active.upstream),
        {active.record.method, active.exchange.sent(), active.exchange.asks_for_upgrade(),
         active.generation->snapshot->upstream_idle_timeout});
}

void ClientRequest::drop_upstream() noexcept {
    if (active_->upstream) worker_.upstreams.discard(std::move(active_->upstream));
}

}  // namespace hearth::proxy
