#include "lb/io/peer_hub.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>
#include <variant>

#include "lb/core/peer_codec.h"
#include "runtime/acceptor.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/problems.h"

namespace hearth::lb {
namespace {

constexpr Duration kRedial = 1s;
constexpr Duration kDialWithin = 2s;
// Reports come at least every second; a peer that is silent so long has lost power or its cable.
constexpr Duration kSilence = 5s;
// A dead process is refused within a round trip; who does not answer at once tells nothing.
constexpr Duration kVerifyWithin = 200ms;
constexpr std::array<Duration, 6> kVerifyAfter{2ms, 5ms, 10ms, 20ms, 40ms, 80ms};

using runtime::FileDescriptor;

// The sockets of a process that dies are closed one by one, the highest number first, and each
// packet socket takes the kernel 20 ms: the others shall hear of the death before that.
FileDescriptor closed_first(FileDescriptor socket) {
    constexpr int kAboveTheRest = 512;
    FileDescriptor high(::fcntl(socket.get(), F_DUPFD_CLOEXEC, kAboveTheRest));
    return high ? std::move(high) : std::move(socket);
}

}  // namespace

struct PeerHub::Impl : std::enable_shared_from_this<Impl> {
    // One other node. Its timers and connection die with it.
    struct Peer {
        Peer(runtime::EventLoop& loop, PeerNode n)
            : node(std::move(n)), redial(loop.context()), silence(loop.context()) {}

        PeerNode node;
        boost::asio::steady_timer redial;
        boost::asio::steady_timer silence;
        std::optional<runtime::ConnectionPermit> permit;
        std::unique_ptr<PeerTls> connection;
        PeerStream stream;
        std::optional<NodeReport> report;
        std::string trouble = "connecting";
        enum class Talk : std::uint8_t { kNone, kOpen, kFarewell } talk = Talk::kNone;
    };
    using PeerPointer = std::shared_ptr<Peer>;

    Impl(runtime::EventLoop& l, runtime::Problems& p, std::function<void(IpAddress)> v)
        : loop(l), problems(p), on_vanished(std::move(v)) {}

    void apply(const std::optional<PeerSettings>& next);
    void listen();
    void accept(runtime::AcceptedConnection incoming);
    void dial(const PeerPointer& peer);
    void dial_later(const PeerPointer& peer);
    void adopt(const PeerPointer& peer, FileDescriptor socket, PeerEnd end);
    void opened(const PeerPointer& peer);
    void received(const PeerPointer& peer, ByteView bytes);
    void handle(const PeerPointer& peer, const PeerMessage& message);
    void closed(const PeerPointer& peer, const Error& error);
    void verify_death(const PeerPointer& peer, std::size_t attempt);
    void verify_again(const PeerPointer& peer, std::size_t attempt);
    void watch_silence(const PeerPointer& peer);
    void show_trouble();
    [[nodiscard]] bool is_current(const PeerPointer& peer) const {
        return std::find(peers.begin(), peers.end(), peer) != peers.end();
    }
    // The lower address dials, so that two nodes make one connection.
    [[nodiscard]] bool dials(const PeerPointer& peer) const {
        return settings->self.address < peer->node.address;
    }

    runtime::EventLoop& loop;
    runtime::Problems& problems;
    std::function<void(IpAddress)> on_vanished;
    std::function<void(const PeerOrder&)> on_order;
    std::optional<PeerSettings> settings;
    std::unique_ptr<runtime::Acceptor> acceptor;
    std::vector<PeerPointer> peers;
    NodeReport own;
    Relay relay;
};

void PeerHub::Impl::apply(const std::optional<PeerSettings>& next) {
    if (next == settings) return;
    peers.clear();
    acceptor.reset();
    settings = next;
    problems.clear("peer_listen");
    show_trouble();
    if (!settings) return;
    for (const auto& node : settings->others) peers.push_back(std::make_shared<Peer>(loop, node));
    listen();
    for (const auto& peer : peers)
        if (dials(peer)) dial(peer);
}

void PeerHub::Impl::listen() {
    const Endpoint local{settings->self.address, settings->port};
    auto listening = runtime::Acceptor::listen(loop, local, {.max_connections = 64, .backlog = 64});
    if (!listening)
        return problems.raise("peer_listen", listening.error().to_string(),
                              runtime::Severity::kError);
    acceptor = std::move(*listening);
    acceptor->start([this](runtime::AcceptedConnection incoming) { accept(std::move(incoming)); });
}

void PeerHub::Impl::accept(runtime::AcceptedConnection incoming) {
    const auto peer = std::find_if(peers.begin(), peers.end(), [&](const PeerPointer& p) {
        return p->node.address == incoming.peer.address;
    });
    if (peer == peers.end() || dials(*peer)) return;  // nobody we know: closed again
    // A new connection replaces the old one: the other side has started anew.
    (*peer)->permit.emplace(std::move(incoming.permit));
    adopt(*peer, std::move(incoming.socket), PeerEnd::kAccepted);
}

void PeerHub::Impl::dial(const PeerPointer& peer) {
    dial_peer(loop, settings->self.address, {peer->node.address, settings->port}, kDialWithin,
              [self = shared_from_this(), peer](DialOutcome outcome, FileDescriptor socket) {
                  if (!self->is_current(peer)) return;
                  if (outcome == DialOutcome::kConnected)
                      return self->adopt(peer, std::move(socket), PeerEnd::kDialled);
                  peer->trouble = outcome == DialOutcome::kRefused ? "hearth-lb does not run there"
                                                                   : "not reachable";
                  self->show_trouble();
                  self->dial_later(peer);
              });
}

void PeerHub::Impl::dial_later(const PeerPointer& peer) {
    peer->redial.expires_after(kRedial);
    peer->redial.async_wait([self = shared_from_this(), weak = std::weak_ptr<Peer>(peer)](
                                const boost::system::error_code& error) {
        const auto waiting = weak.lock();
        if (!error && waiting && self->is_current(waiting)) self->dial(waiting);
    });
}

void PeerHub::Impl::adopt(const PeerPointer& peer, FileDescriptor socket, PeerEnd end) {
    peer->stream = {};
    peer->talk = Peer::Talk::kNone;
    // The hub outlives its connections; a peer is kept by the list alone.
    const std::weak_ptr<Peer> weak = peer;
    PeerTls::Handlers handlers;
    handlers.on_open = [this, weak] { opened(weak.lock()); };
    handlers.on_data = [this, weak](ByteView bytes) { received(weak.lock(), bytes); };
    handlers.on_closed = [this, weak](const Error& error) { closed(weak.lock(), error); };
    peer->connection = std::make_unique<PeerTls>(loop, closed_first(std::move(socket)), end,
                                                 settings->key, std::move(handlers));
}

void PeerHub::Impl::opened(const PeerPointer& peer) {
    peer->talk = Peer::Talk::kOpen;
    peer->connection->send(write_peer_message(PeerHello{settings->self.name}));
    peer->connection->send(write_peer_message(own));
    watch_silence(peer);
}

void PeerHub::Impl::received(const PeerPointer& peer, ByteView bytes) {
    watch_silence(peer);
    const auto messages = peer->stream.feed(bytes);
    if (!messages) {
        peer->connection.reset();
        return closed(peer, messages.error());
    }
    for (const auto& message : *messages) handle(peer, message);
}

void PeerHub::Impl::handle(const PeerPointer& peer, const PeerMessage& message) {
    if (const auto* hello = std::get_if<PeerHello>(&message)) {
        if (hello->node != peer->node.name)
            log::warn("peer_name_differs", {{"address", peer->node.address.to_string()},
                                            {"here", peer->node.name},
                                            {"there", hello->node}});
        peer->trouble.clear();
        show_trouble();
        log::info("peer_connected", {{"peer", peer->node.name}});
        if (relay.connected) relay.connected(peer->node.name);
    } else if (const auto* report = std::get_if<NodeReport>(&message)) {
        peer->report = *report;
    } else if (const auto* order = std::get_if<PeerOrder>(&message)) {
        log::info("peer_order", {{"peer", peer->node.name}});
        if (on_order) on_order(*order);
    } else if (std::holds_alternative<PeerFarewell>(message)) {
        peer->talk = Peer::Talk::kFarewell;
    } else if (relay.received) {
        relay.received(peer->node.name, message);
    }
}

void PeerHub::Impl::closed(const PeerPointer& peer, const Error& error) {
    const bool was_open = peer->talk == Peer::Talk::kOpen;
    const bool said_farewell = peer->talk == Peer::Talk::kFarewell;
    peer->connection.reset();
    peer->permit.reset();
    peer->silence.cancel();
    peer->talk = Peer::Talk::kNone;
    peer->report.reset();
    peer->trouble = error.detail;
    if (was_open || said_farewell)
        log::info("peer_disconnected", {{"peer", peer->node.name}, {"reason", error.detail}});
    if (was_open && error.code == Errc::kUnavailable) verify_death(peer, 0);
    show_trouble();
    if (dials(peer)) dial_later(peer);
}

// The kernel closes the sockets of a dead process one after the other, and then refuses: when it
// is slower than we are, the first question still finds the listener, or the listener's end finds
// the question. A process that only lost this connection accepts every time.
void PeerHub::Impl::verify_death(const PeerPointer& peer, std::size_t attempt) {
    dial_peer(
        loop, settings->self.address, {peer->node.address, settings->port}, kVerifyWithin,
        [self = shared_from_this(), peer, attempt](DialOutcome outcome, const FileDescriptor&) {
            if (!self->is_current(peer) || peer->connection) return;
            if (outcome != DialOutcome::kRefused) return self->verify_again(peer, attempt);
            log::info("peer_vanished", {{"peer", peer->node.name}});
            self->on_vanished(peer->node.address);
        });
}

void PeerHub::Impl::verify_again(const PeerPointer& peer, std::size_t attempt) {
    if (attempt == kVerifyAfter.size()) return;
    peer->silence.expires_after(kVerifyAfter[attempt]);
    peer->silence.async_wait([self = shared_from_this(), weak = std::weak_ptr<Peer>(peer),
                              attempt](const boost::system::error_code& error) {
        const auto waiting = weak.lock();
        if (error || !waiting || !self->is_current(waiting) || waiting->connection) return;
        self->verify_death(waiting, attempt + 1);
    });
}

void PeerHub::Impl::watch_silence(const PeerPointer& peer) {
    peer->silence.expires_after(kSilence);
    peer->silence.async_wait([self = shared_from_this(), weak = std::weak_ptr<Peer>(peer)](
                                 const boost::system::error_code& error) {
        const auto silent = weak.lock();
        if (error || !silent || !self->is_current(silent)) return;
        self->closed(silent, Error{Errc::kTimeout, "peer", "silent"});
    });
}

void PeerHub::Impl::show_trouble() {
    std::string names;
    for (const auto& peer : peers) {
        if (peer->trouble.empty()) continue;
        names += (names.empty() ? "" : ", ") + peer->node.name + " (" + peer->trouble + ")";
    }
    if (names.empty()) return problems.clear("peer_away");
    problems.raise("peer_away", "no connection to " + names +
                                    ": its state is not known here; VIPs do not depend on it");
}

// --- the class --------------------------------------------------------------------------------

PeerHub::PeerHub(runtime::EventLoop& loop, runtime::Problems& problems,
                 std::function<void(IpAddress)> on_vanished)
    : impl_(std::make_shared<Impl>(loop, problems, std::move(on_vanished))) {}

PeerHub::~PeerHub() {
    impl_->peers.clear();
    impl_->acceptor.reset();
}

void PeerHub::apply(const std::optional<PeerSettings>& settings) { impl_->apply(settings); }

void PeerHub::publish(const NodeReport& report) {
    impl_->own = report;
    for (const auto& peer : impl_->peers) {
        if (peer->talk == Impl::Peer::Talk::kOpen)
            peer->connection->send(write_peer_message(report));
    }
}

bool PeerHub::order(std::string_view node, const PeerOrder& order) {
    for (const auto& peer : impl_->peers) {
        if (peer->node.name != node || peer->talk != Impl::Peer::Talk::kOpen) continue;
        peer->connection->send(write_peer_message(order));
        return true;
    }
    return false;
}

void PeerHub::on_order(std::function<void(const PeerOrder&)> obey) {
    impl_->on_order = std::move(obey);
}

void PeerHub::set_relay(Relay relay) { impl_->relay = std::move(relay); }

bool PeerHub::send(const std::string& node, const PeerMessage& message) {
    for (const auto& peer : impl_->peers) {
        if (peer->node.name != node) continue;
        // Before its hello it is not known to be who it should be.
        if (peer->talk != Impl::Peer::Talk::kOpen || !peer->trouble.empty()) return false;
        peer->connection->send(write_peer_message(message));
        return true;
    }
    return false;
}

void PeerHub::stop() {
    impl_->acceptor.reset();
    for (const auto& peer : impl_->peers) {
        if (peer->talk != Impl::Peer::Talk::kOpen) continue;
        peer->connection->send(write_peer_message(PeerFarewell{}));
        peer->connection->close();
    }
    impl_->peers.clear();
}

std::vector<PeerView> PeerHub::view() const {
    std::vector<PeerView> views;
    for (const auto& peer : impl_->peers)
        views.push_back({peer->node, peer->report, peer->trouble});
    return views;
}

}  // namespace hearth::lb
