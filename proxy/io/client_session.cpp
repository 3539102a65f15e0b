#include "proxy/io/client_session.h"

#include <sys/epoll.h>

#include <algorithm>

#include "proxy/core/authority.h"
#include "proxy/core/octets.h"
#include "runtime/metrics.h"

namespace hearth::proxy {

namespace {

constexpr Duration kLingerTime = 2s;
constexpr Duration kHandshakeTime = 10s;
constexpr std::string_view kPlainHttpHere =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    "Content-Length: 55\r\n\r\nThis port speaks TLS: write https:// before the name.\n\n";

}  // namespace

ClientSession::ClientSession(WorkerState& worker, runtime::AcceptedConnection connection,
                             Security security)
    : worker_(worker),
      stream_(std::move(connection.socket)),
      security_(security),
      peer_(connection.peer.address),
      peer_text_(peer_.to_string()),
      permit_(std::move(connection.permit)) {
    ++worker_.connections_by_address[peer_];
}

ClientSession::~ClientSession() {
    worker_.timers.set(*this, kNever);
    const auto count = worker_.connections_by_address.find(peer_);
    if (--count->second == 0) worker_.connections_by_address.erase(count);
}

bool ClientSession::start() {
    if (security_ == Security::kTls) {
        auto channel = worker_.tls.accept(stream_.fd());
        if (!channel) return false;
        stream_.secure(std::move(channel));
        state_ = State::kHandshake;
        worker_.timers.set(*this, now() + kHandshakeTime);
    } else {
        worker_.timers.set(*this, now() + snapshot().header_timeout);
    }
    return worker_.poller.add(stream_.fd(), *this);
}

void ClientSession::drain() {
    if (state_ == State::kHandshake || (state_ == State::kHead && !active_)) return close();
    if (state_ == State::kRelay) {
        active_->exchange.announce_close();
        if (active_->exchange.is_tunnel()) close();
    }
}

void ClientSession::on_ready(std::uint32_t events) {
    if (state_ == State::kClosed) return;
    stream_.note(events);
    if (state_ == State::kRelay && (events & EPOLLERR) != 0) active_->exchange.client_failed();
    run();
}

void ClientSession::go_on() {
    waiting_ = false;
    if (state_ != State::kClosed) run();
}

void ClientSession::run() {
    Next next = Next::kRun;
    while (next == Next::kRun) {
        switch (state_) {
            case State::kHandshake: next = handshake(); break;
            case State::kHead: next = read_head(); break;
            case State::kRelay: next = relay(); break;
            case State::kPage: next = send_page(); break;
            case State::kLinger: next = linger(); break;
            case State::kClosed: return;
        }
    }
}

void ClientSession::on_deadline() {
    switch (state_) {
        case State::kRelay: active_->exchange.on_deadline(now()); return run();
        case State::kHead:
            if (active_ && !active_->client_in.empty()) {
                active_->record.began = active_->head_began;
                failed({HopReason::kRequestTimeout, Refusal::kNone});
                return run();
            }
            [[fallthrough]];
        case State::kHandshake:
        case State::kPage:
        case State::kLinger:
        case State::kClosed: return close();
    }
}

ClientSession::Next ClientSession::handshake() {
    const IoResult done = stream_.handshake();
    if (done.status == IoStatus::kWouldBlock) return Next::kWait;
    if (done.status == IoStatus::kMoved) {
        worker_.metrics.tls_handshakes.add();
        if (stream_.tls()->was_resumed()) worker_.metrics.tls_resumptions.add();
        worker_.timers.set(*this, now() + snapshot().header_timeout);
        state_ = State::kHead;
        return Next::kRun;
    }
    worker_.metrics.tls_failures.add();
    if (stream_.tls()->spoke_http()) {
        stream_.secure(nullptr);
        Outgoing out;
        out.add(kPlainHttpHere);
        (void)stream_.write(out);  // fits into an empty socket, or nobody needs it
    }
    close();
    return Next::kWait;
}

ClientSession::Next ClientSession::read_head() {
    if (!active_) {
        if (!stream_.readable()) return wait_for_head();
        active_ = worker_.take_active();
        active_->head_began = now();
    }
    Buffer& in = active_->client_in;
    for (;;) {
        if (!in.empty()) {
            const ParseStatus parsed = active_->parser.parse(in.text());
            if (parsed == ParseStatus::kDone) return begin_exchange();
            if (parsed == ParseStatus::kRefused) {
                active_->record.began = now();
                return failed({HopReason::kRefusedRequest, active_->parser.refusal()});
            }
        }
        if (!stream_.readable()) return wait_for_head();
        const IoResult got = stream_.read(in.room());
        if (got.status == IoStatus::kWouldBlock) return wait_for_head();
        if (got.status != IoStatus::kMoved) {
            close();
            return Next::kWait;
        }
        in.filled(got.octets);
    }
}

// A client that has begun a head has a while to end it, however it dribbles.
ClientSession::Next ClientSession::wait_for_head() {
    if (active_ && !active_->client_in.empty()) {
        worker_.timers.set(*this, active_->head_began + snapshot().header_timeout);
        return Next::kWait;
    }
    if (active_) worker_.give_back(std::move(active_));
    if (worker_.draining) {
        close();
    } else if (served_) {
        worker_.timers.set(*this, now() + snapshot().keep_alive_timeout);
    }
    return Next::kWait;
}

void ClientSession::describe_request(const RequestHead& head, const Peer& peer) {
    ActiveExchange& active = *active_;
    const Snapshot& snapshot = *active.generation->snapshot;
    AccessRecord& record = active.record;
    record.client = peer.trusted ? client_address(head, peer, snapshot.trusted_proxies) : peer_;
    record.method = head.method;
    record.version = head.version;
    record.host.assign(head.authority);
    active.show_details = snapshot.is_of_the_house(record.client);
    const HeaderField* accept = head.headers.find(HeaderId::kAccept);
    active.page_format = page_format(accept != nullptr ? accept->value : std::string_view{});
    active.logged = worker_.logs_access();
    if (!active.logged) return;
    const auto value = [&head](HeaderId id) {
        const HeaderField* field = head.headers.find(id);
        return field != nullptr ? field->value : std::string_view{};
    };
    record.target.assign(head.target);
    record.referer.assign(value(HeaderId::kReferer));
    record.user_agent.assign(value(HeaderId::kUserAgent));
}

ClientSession::Next ClientSession::begin_exchange() {
    ActiveExchange& active = *active_;
    const RequestHead& head = active.parser.head();
    active.generation = worker_.generation;
    active.record.began = now();
    served_ = true;
    const Snapshot& snapshot = *active.generation->snapshot;
    const Peer peer{peer_, peer_text_, is_trusted(peer_, snapshot.trusted_proxies),
                    security_ == Security::kTls ? "https" : "http"};
    describe_request(head, peer);

    const auto service = snapshot.router.find(head.authority);
    if (service) active.service = &active.generation->services[*service];
    active.exchange.begin(head, peer, snapshot.trusted_proxies,
                          service ? active.service->balancer.size() : 0,
                          active.request_head.whole(), now());
    active.client_in.consume(active.parser.consumed());
    if (worker_.draining) active.exchange.announce_close();
    if (!service) return failed({HopReason::kUnknownHost, Refusal::kNone});
    active.record.service = active.service->service->name;
    if (active.exchange.verdict() == Exchange::Verdict::kFailed) {
        return failed(active.exchange.error());
    }
    if (stream_.is_secure() && !stream_.tls()->covers(host_of(head.authority)) &&
        worker_.tls.store().find(host_of(head.authority))) {
        return failed({HopReason::kMisdirected, Refusal::kNone});
    }
    if (wants_https(head)) return redirect_to_https(head);
    return start_attempt();
}

ClientSession::Next ClientSession::finished() {
    ActiveExchange& active = *active_;
    active.record.status = active.exchange.status();
    finish_record();
    const bool reusable = active.exchange.upstream_reusable() && active.upstream_in.empty();
    if (reusable) {
        worker_.upstreams.keep(std::move(active.upstream),
                               now() + active.generation->snapshot->upstream_idle_timeout);
    } else {
        drop_upstream();
    }
    return active.exchange.client_reusable() && !worker_.draining ? next_request() : end_client();
}

void ClientSession::finish_record() {
    AccessRecord& record = active_->record;
    record.duration = now() - record.began;
    if (active_->service != nullptr) {
        record.request_octets = active_->exchange.request_octets();
        record.response_octets = active_->exchange.response_octets();
        active_->service->metrics->finished(record.method, record.status, record.duration);
    } else {
        worker_.metrics.service("").finished(record.method, record.status, record.duration);
    }
    if (active_->logged) worker_.log_access(record);
}

ClientSession::Next ClientSession::next_request() {
    state_ = State::kHead;
    if (active_->client_in.empty()) {
        worker_.give_back(std::move(active_));
    } else {
        active_->recycle();
        active_->head_began = now();
    }
    return Next::kRun;
}

// What the client still sends must be read away: closing over it would reset the connection
// and take the response with it (RFC 9112 §9.6).
ClientSession::Next ClientSession::end_client() {
    const HopReason reason = active_->record.error.reason;
    const bool refused = reason != HopReason::kNone && hop_of(reason) == Hop::kClient;
    const bool quiet = active_->client_in.empty() && !stream_.readable() && !refused &&
                       active_->exchange.request_read();
    if (quiet) {
        close();
        return Next::kWait;
    }
    stream_.end_writing();
    worker_.timers.set(*this, now() + kLingerTime);
    state_ = State::kLinger;
    return Next::kRun;
}

ClientSession::Next ClientSession::linger() {
    active_->client_in.release();
    while (stream_.readable()) {
        const IoResult got = stream_.read(active_->client_in.room());
        if (got.status == IoStatus::kWouldBlock) break;
        if (got.status != IoStatus::kMoved) {
            close();
            return Next::kWait;
        }
    }
    active_->client_in.release();
    return Next::kWait;
}

void ClientSession::close() {
    if (state_ == State::kClosed) return;
    if (active_) {
        drop_upstream();
        worker_.give_back(std::move(active_));
    }
    worker_.timers.set(*this, kNever);
    worker_.poller.remove(stream_.fd());
    stream_.close();
    state_ = State::kClosed;
    worker_.closed.push_back(this);
}

}  // namespace hearth::proxy
