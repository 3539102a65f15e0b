// The part of ClientSession that passes connections on: those of ports of their own, and TLS for
// the names of services that end it themselves.

#include "proxy/core/client_hello.h"
#include "proxy/io/client_session.h"

namespace hearth::proxy {

bool ClientSession::start_tls() {
    auto channel = worker_.tls.accept(stream_.fd(), worker_.client_trust);
    if (!channel) return false;
    stream_.secure(std::move(channel));
    state_ = State::kHandshake;
    return true;
}

// The ClientHello is only looked at: it stays where it is, for whoever ends TLS.
ClientSession::Next ClientSession::read_hello() {
    if (!stream_.readable()) return Next::kWait;
    Buffer seen(worker_.blocks);
    static_assert(kMostHelloOctets <= BlockPool::kBlock);
    const IoResult got = stream_.peek(seen.room());
    if (got.status == IoStatus::kWouldBlock) return Next::kWait;
    if (got.status != IoStatus::kMoved) {
        close();
        return Next::kWait;
    }
    const ClientHello hello = read_client_hello(seen.room().first(got.octets));
    if (hello.state == ClientHello::State::kNeedMore) {
        if (stream_.has_ended()) {
            close();
        } else {
            stream_.wait_for_more();
        }
        return Next::kWait;
    }
    if (hello.state == ClientHello::State::kComplete) {
        const Snapshot& now_valid = snapshot();
        const auto service = now_valid.router.owner_of(hello.server_name);
        const bool is_ours = hello.server_name == now_valid.own_host;
        if (service && !is_ours && now_valid.services[*service].stream.kind == StreamKind::kTls) {
            if (open_stream(*service)) return Next::kRun;
            stream_relay_.reset();
            return begin_linger();  // behind the alert
        }
    }
    if (start_tls()) return Next::kRun;
    close();
    return Next::kWait;
}

bool ClientSession::start_stream() {
    const auto service = snapshot().stream_at(StreamKind::kTcp, local());
    if (service && open_stream(*service)) return true;
    stream_.abort_on_close();
    return false;
}

// False when the service does not take it.
bool ClientSession::open_stream(std::size_t service) {
    state_ = State::kStream;
    RequestClient& client = *this;
    stream_relay_ = std::make_unique<StreamRelay>(worker_, client, who_, worker_.generation,
                                                  worker_.generation->services[service]);
    return stream_relay_->admit();
}

ClientSession::Next ClientSession::drive_stream() { return end_stream(stream_relay_->run()); }

// If that is what has happened.
ClientSession::Next ClientSession::end_stream(StreamRelay::Life life) {
    if (life == StreamRelay::Life::kGoesOn) return Next::kWait;
    stream_relay_.reset();
    if (life == StreamRelay::Life::kEnded) return begin_linger();
    stream_.abort_on_close();
    close();
    return Next::kWait;
}

}  // namespace hearth::proxy
