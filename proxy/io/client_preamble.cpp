// The part of ClientSession that the PROXY protocol takes.

#include <array>

#include "base/proxy_protocol.h"
#include "proxy/io/client_session.h"

namespace hearth::proxy {

// The header is looked at until it is whole and only then taken: what follows may be TLS, which
// reads the socket itself.
ClientSession::Next ClientSession::read_preamble() {
    std::array<char, ProxyHeaderReader::kMaxSize> seen;
    if (!stream_.readable()) return Next::kWait;
    const IoResult got = stream_.peek(seen);
    if (got.status == IoStatus::kWouldBlock) return Next::kWait;
    ProxyHeaderReader reader;
    ByteView octets = as_bytes({seen.data(), got.octets});
    const auto state = reader.feed(octets);
    const bool ended = got.status != IoStatus::kMoved;
    if (!ended && state == ProxyHeaderReader::State::kNeedMore) {
        stream_.wait_for_more();
        return Next::kWait;
    }
    if (ended || state == ProxyHeaderReader::State::kBad) {
        close();
        return Next::kWait;
    }
    stream_.skip(got.octets - octets.size());
    if (reader.names_client()) {
        worker_.connections->remove(who_.counted_as);
        set_peer(reader.client());
        const std::size_t most = snapshot().max_connections_per_address;
        if (worker_.connections->of(who_.counted_as) > most && !who_.address.is_loopback()) {
            worker_.metrics.failed(HopReason::kTooManyConnections);
            close();
            return Next::kWait;
        }
    }
    if (start_protocol()) return Next::kRun;
    close();
    return Next::kWait;
}

void ClientSession::set_peer(const Endpoint& peer) {
    who_.address = peer.address;
    who_.port = peer.port;
    who_.text = peer.address.to_string();
    who_.counted_as = snapshot().one_client(peer.address);
    worker_.connections->add(who_.counted_as);
}

}  // namespace hearth::proxy
