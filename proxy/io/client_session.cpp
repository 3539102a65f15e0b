#include "proxy/io/client_session.h"

#include <sys/epoll.h>

#include <algorithm>

#include "runtime/metrics.h"

namespace hearth::proxy {

namespace {

constexpr Duration kLingerTime = 2s;
constexpr int kLingerTurn = 8;                       // reads of a block
constexpr std::size_t kFarewellOctets = 256 * 1024;  // read away behind a GOAWAY
constexpr Duration kFarewellTime = 250ms;            // for what is on its way to a proxy that stops
// A head, mostly; HTTP/2 of somebody unknown is read in pieces that cost little.
constexpr std::size_t kFirstRead = 4096;
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 §3.4
constexpr std::string_view kPlainHttpHere =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    "Content-Length: 55\r\n\r\nThis port speaks TLS: write https:// before the name.\n\n";

}  // namespace

ClientSession::ClientSession(WorkerState& worker, runtime::AcceptedConnection connection,
                             Security security)
    : worker_(worker),
      stream_(std::move(connection.socket)),
      who_{{}, {}, 0, {}, security, nullptr},
      request_(worker, *this, who_),
      permit_(std::move(connection.permit)) {
    set_peer(connection.peer);
}

ClientSession::~ClientSession() {
    worker_.timers.set(*this, kNever);
    worker_.connections->remove(who_.counted_as);
}

bool ClientSession::start() {
    if (is_trusted(who_.address, snapshot().proxy_protocol_from)) {
        state_ = State::kPreamble;
        worker_.timers.set(*this, now() + kHandshakeTime);
    } else if (!start_protocol()) {
        return false;
    }
    return worker_.poller.add(stream_.fd(), *this);
}

bool ClientSession::start_protocol() {
    switch (who_.security) {
        case Security::kTls:
            worker_.timers.set(*this, now() + kHandshakeTime);
            if (!snapshot().passes_tls_on) return start_tls();
            state_ = State::kHello;
            return true;
        case Security::kStream: return start_stream();
        default: break;
    }
    state_ = State::kHead;
    worker_.timers.set(*this, now() + snapshot().header_timeout);
    return true;
}

void ClientSession::drain() {
    if (state_ == State::kHttp2) return http2_->drain();
    if (state_ == State::kStream) return stream_relay_->drain();
    // Its next request may be on its way: that is answered, and told that there will be no more.
    if (state_ == State::kHead && !request_.is_open())
        worker_.timers.set(*this, now() + kFarewellTime);
    if (state_ == State::kRequest && request_.drain()) close();
}

void ClientSession::on_ready(std::uint32_t events) {
    if (state_ == State::kClosed) return;
    stream_.note(events);
    if (state_ == State::kRequest && (events & EPOLLERR) != 0) request_.client_failed();
    run();
}

void ClientSession::give_way() {
    if (!waiting_) worker_.unfinished.push_back(this);
    waiting_ = true;
}

void ClientSession::go_on() {
    waiting_ = false;
    if (state_ != State::kClosed) run();
}

void ClientSession::run() {
    Next next = Next::kRun;
    while (next == Next::kRun) {
        switch (state_) {
            case State::kPreamble: next = read_preamble(); break;
            case State::kHello: next = read_hello(); break;
            case State::kHandshake: next = handshake(); break;
            case State::kHead: next = read_head(); break;
            case State::kRequest: next = drive_request(); break;
            case State::kHttp2: next = drive_http2(); break;
            case State::kStream: next = drive_stream(); break;
            case State::kLinger: next = linger(); break;
            case State::kClosed: return;
        }
    }
}

void ClientSession::on_deadline() {
    switch (state_) {
        case State::kRequest: request_.on_deadline(); return run();
        case State::kHttp2:
            if (end_http2(http2_->on_deadline()) == Next::kRun) run();
            return;
        case State::kStream:
            if (end_stream(stream_relay_->on_deadline()) == Next::kRun) run();
            return;
        case State::kHead:
            if (request_.is_open() && !request_.active().client_in.empty()) {
                request_.active().record.began = request_.active().head_began;
                request_.refuse({HopReason::kRequestTimeout, Refusal::kNone});
                state_ = State::kRequest;
                return run();
            }
            [[fallthrough]];
        case State::kPreamble:
        case State::kHello:
        case State::kHandshake:
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
        who_.tls = stream_.tls();
        if (stream_.tls()->speaks_http2()) return begin_http2();
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
    if (!request_.is_open()) {
        if (!stream_.readable()) return wait_for_head();
        request_.open().head_began = now();
    }
    ActiveExchange& active = request_.active();
    Buffer& in = active.client_in;
    const bool may_be_http2 = !served_ && !stream_.is_secure();  // under TLS it is agreed before
    for (;;) {
        if (may_be_http2 && in.text().starts_with(kHttp2Preface)) return begin_http2();
        if (!in.empty() && !(may_be_http2 && kHttp2Preface.starts_with(in.text()))) {
            const ParseStatus parsed = active.parser.parse(in.text());
            if (parsed == ParseStatus::kDone) {
                request_.begin(active.parser.edit_head());
                in.consume(active.parser.consumed());
                served_ = true;
            } else if (parsed == ParseStatus::kRefused) {
                active.record.began = now();
                request_.refuse({HopReason::kRefusedRequest, active.parser.refusal()});
            }
            if (parsed != ParseStatus::kNeedMore) {
                state_ = State::kRequest;
                return Next::kRun;
            }
        }
        if (!stream_.readable()) return wait_for_head();
        const std::span<char> room = in.room();
        const std::size_t most = may_be_http2 ? std::min(kFirstRead, room.size()) : room.size();
        const IoResult got = stream_.read(room.first(most));
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
    if (request_.is_open() && !request_.active().client_in.empty()) {
        worker_.timers.set(*this, request_.active().head_began + snapshot().header_timeout);
        return Next::kWait;
    }
    request_.end();
    if (!served_ && stream_.is_secure()) stream_.tls()->send_held();
    if (worker_.draining) {
        worker_.timers.set(*this, now() + kFarewellTime);
    } else if (served_) {
        worker_.timers.set(*this, now() + snapshot().keep_alive_timeout);
    }
    return Next::kWait;
}

ClientSession::Next ClientSession::begin_http2() {
    worker_.metrics.http2_connections.add();
    http2_ = std::make_unique<Http2Connection>(worker_, *this, stream_, who_);
    if (request_.is_open()) {
        http2_->receive(request_.active().client_in.bytes());
        request_.end();
    }
    state_ = State::kHttp2;
    if (worker_.draining) http2_->drain();
    return Next::kRun;
}

ClientSession::Next ClientSession::drive_http2() { return end_http2(http2_->on_ready()); }

void ClientSession::run_streams() {
    if (state_ == State::kHttp2) http2_->run_streams();
}

void ClientSession::flush() {
    if (state_ == State::kHttp2 && end_http2(http2_->flush()) == Next::kRun) run();
}

// If that is what has happened.
ClientSession::Next ClientSession::end_http2(Http2Connection::Life life) {
    if (life == Http2Connection::Life::kGoesOn) return Next::kWait;
    if (http2_->blames_client()) {
        const IpAddress client = worker_.generation->snapshot->one_client(who_.address);
        (void)worker_.nuisances.ask(client, now());
    }
    http2_.reset();
    if (life == Http2Connection::Life::kBroken) {
        close();
        return Next::kWait;
    }
    linger_octets_ = kFarewellOctets;
    return begin_linger();
}

ClientSession::Next ClientSession::drive_request() {
    switch (request_.run()) {
        case ClientRequest::Progress::kWaits: return Next::kWait;
        case ClientRequest::Progress::kAnswered:
            return request_.client_reusable() ? next_request() : end_client();
        case ClientRequest::Progress::kAborted: break;
    }
    if (request_.was_cut_short()) stream_.abort_on_close();
    close();
    return Next::kWait;
}

ClientSession::Next ClientSession::next_request() {
    state_ = State::kHead;
    ActiveExchange& active = request_.active();
    if (active.client_in.empty()) {
        request_.end();
    } else {
        active.recycle();
        active.head_began = now();
    }
    return Next::kRun;
}

// What the client still sends must be read away: closing over it would reset the connection
// and take the response with it (RFC 9112 §9.6).
ClientSession::Next ClientSession::end_client() {
    const bool quiet =
        request_.active().client_in.empty() && !stream_.readable() && !request_.left_unread();
    if (quiet) {
        close();
        return Next::kWait;
    }
    return begin_linger();
}

ClientSession::Next ClientSession::begin_linger() {
    request_.end();
    stream_.end_writing();
    worker_.timers.set(*this, now() + kLingerTime);
    state_ = State::kLinger;
    return Next::kRun;
}

ClientSession::Next ClientSession::linger() {
    Buffer in(worker_.blocks);
    for (int turn = 0; stream_.readable(); ++turn) {
        if (turn == kLingerTurn) {
            give_way();
            break;
        }
        const IoResult got = stream_.read(in.room());
        if (got.status == IoStatus::kWouldBlock) break;
        linger_octets_ -= std::min(linger_octets_, got.octets);
        if (got.status != IoStatus::kMoved || linger_octets_ == 0) {
            close();
            return Next::kWait;
        }
    }
    return Next::kWait;
}

void ClientSession::close() {
    if (state_ == State::kClosed) return;
    request_.end();
    http2_.reset();
    stream_relay_.reset();
    worker_.timers.set(*this, kNever);
    worker_.poller.remove(stream_.fd());
    stream_.close();
    state_ = State::kClosed;
    worker_.closed.push_back(this);
}

}  // namespace hearth::proxy
