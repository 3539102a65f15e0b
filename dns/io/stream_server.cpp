#include "dns/io/stream_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
#include <unordered_map>
#include <utility>

#include "dns/io/byte_stream.h"
#include "dns/io/connection.h"
#include "dns/io/tls_stream.h"
#include "runtime/acceptor.h"
#include "runtime/event_loop.h"
#include "runtime/peer_credentials.h"
#include "runtime/socket_address.h"

namespace hearth::dns {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr milliseconds kSweepEvery{250};
// Beyond the limit for a moment, until the oldest one has been closed.
constexpr std::size_t kRoomToAccept = 64;

// Each host of an IPv6 network may take any address of its /64.
IpAddress client_key(const IpAddress& client) {
    return client.is_v4() ? client : IpPrefix(client, 64).address();
}

}  // namespace

struct StreamServer::Impl final : ConnectionHost, std::enable_shared_from_this<Impl> {
    Impl(runtime::EventLoop& l, const StreamLimits& given, Calls handlers)
        : loop(l),
          limits(given),
          calls(std::move(handlers)),
          sweep_timer(std::make_unique<boost::asio::steady_timer>(l.context())),
          buffer(kReadBufferSize) {}

    Endpoint serve(std::unique_ptr<runtime::Acceptor> acceptor, Transport transport);
    void accept(Transport transport, runtime::AcceptedConnection accepted);
    void accept_from_proxy(runtime::AcceptedConnection accepted);
    [[nodiscard]] std::unique_ptr<ByteStream> open_stream(Transport transport,
                                                          runtime::FileDescriptor socket);
    void add(std::shared_ptr<Connection> connection);
    void make_room();
    void sweep_later();
    void sweep();
    [[nodiscard]] milliseconds patience() const {
        return by_age.size() * 4 > limits.connections * 3 ? limits.idle_when_crowded : limits.idle;
    }
    [[nodiscard]] std::shared_ptr<Connection> find(std::uint64_t id) const {
        const auto found = connections.find(id);
        return found == connections.end() ? nullptr : *found->second;
    }

    void ask(Connection& connection, std::int32_t stream, ByteView packet) override;
    void touch(Connection& connection) override;
    void call_soon(Connection& connection) override;
    void forget(Connection& connection) override;
    [[nodiscard]] std::size_t most_unanswered() const noexcept override {
        return limits.unanswered;
    }
    [[nodiscard]] std::size_t most_unsent() const noexcept override { return limits.unsent; }

    using Ages = std::list<std::shared_ptr<Connection>>;

    runtime::EventLoop& loop;
    StreamLimits limits;
    Calls calls;
    std::unique_ptr<boost::asio::steady_timer> sweep_timer;
    bool is_sweeping = false;
    bool is_closed = false;
    ReadBuffer buffer;
    std::shared_ptr<const TlsIdentity> identity;
    std::uint64_t next_id = 1;
    std::map<Endpoint, std::unique_ptr<runtime::Acceptor>> acceptors;
    std::unique_ptr<runtime::Acceptor> from_proxy;
    Ages by_age;  // who was silent longest comes first
    std::unordered_map<std::uint64_t, Ages::iterator> connections;
    std::unordered_map<IpAddress, std::size_t> by_client;
};

Endpoint StreamServer::Impl::serve(std::unique_ptr<runtime::Acceptor> acceptor,
                                   Transport transport) {
    const Endpoint bound = acceptor->local();
    acceptor->start([this, transport](runtime::AcceptedConnection accepted) {
        accept(transport, std::move(accepted));
    });
    acceptors[bound] = std::move(acceptor);
    return bound;
}

void StreamServer::Impl::accept(Transport transport, runtime::AcceptedConnection accepted) {
    calls.give_way();
    const auto theirs = by_client.find(client_key(accepted.peer.address));
    if (theirs != by_client.end() && theirs->second >= limits.connections_per_client) return;
    make_room();
    ConnectionParty party{next_id++, transport, accepted.peer,
                          runtime::local_endpoint(accepted.socket.get()).address};
    auto stream = open_stream(transport, std::move(accepted.socket));
    if (!stream) return;
    const auto connection =
        transport == Transport::kHttps
            ? make_http_connection(*this, party, HttpFrom::kClient, std::move(stream),
                                   std::move(accepted.permit))
            : make_dns_connection(*this, party, std::move(stream), std::move(accepted.permit));
    connection->counted_as = client_key(party.client.address);
    ++by_client[*connection->counted_as];
    add(connection);
}

std::unique_ptr<ByteStream> StreamServer::Impl::open_stream(Transport transport,
                                                            runtime::FileDescriptor socket) {
    if (transport == Transport::kTcp) return make_plain_stream(loop, std::move(socket), buffer);
    if (!identity) return nullptr;
    const TlsUse use = transport == Transport::kTls ? TlsUse::kDot : TlsUse::kDoh;
    return make_tls_server_stream(loop, std::move(socket), buffer, identity, use);
}

void StreamServer::Impl::accept_from_proxy(runtime::AcceptedConnection accepted) {
    make_room();
    ConnectionParty party{next_id++, Transport::kHttps, {}, {}};
    auto stream = make_plain_stream(loop, std::move(accepted.socket), buffer);
    add(make_http_connection(*this, party, HttpFrom::kProxy, std::move(stream),
                             std::move(accepted.permit)));
}

void StreamServer::Impl::add(std::shared_ptr<Connection> connection) {
    connection->alive_at = Clock::now();
    connection->place = by_age.insert(by_age.end(), connection);
    connections.emplace(connection->party().id, connection->place);
    connection->start();
    sweep_later();
}

void StreamServer::Impl::make_room() {
    if (by_age.size() < limits.connections) return;
    const auto oldest = by_age.front();
    oldest->close();
}

void StreamServer::Impl::ask(Connection& connection, std::int32_t stream, ByteView packet) {
    calls.give_way();
    const ConnectionParty& party = connection.party();
    Question question;
    question.path.transport = party.transport;
    question.path.client = party.client;
    question.path.local = party.local;
    question.path.connection = party.id;
    question.path.stream = stream;
    if (party.transport != Transport::kHttps)
        question.keepalive = static_cast<std::uint16_t>(patience() / milliseconds(100));
    question.packet = packet;
    calls.on_question(question);
}

void StreamServer::Impl::touch(Connection& connection) {
    connection.alive_at = Clock::now();
    by_age.splice(by_age.end(), by_age, connection.place);
}

void StreamServer::Impl::call_soon(Connection& connection) {
    boost::asio::post(loop.context(), [kept = connection.shared_from_this()] { kept->go_on(); });
}

void StreamServer::Impl::forget(Connection& connection) {
    if (is_closed) return;
    if (connection.counted_as) {
        const auto theirs = by_client.find(*connection.counted_as);
        if (--theirs->second == 0) by_client.erase(theirs);
    }
    connections.erase(connection.party().id);
    by_age.erase(connection.place);
}

void StreamServer::Impl::sweep_later() {
    if (is_sweeping) return;
    is_sweeping = true;
    sweep_timer->expires_after(kSweepEvery);
    sweep_timer->async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (error || !self) return;
        self->is_sweeping = false;
        self->sweep();
    });
}

// Closes who was silent for too long; while we owe an answer a client is not idle.
void StreamServer::Impl::sweep() {
    const TimePoint now = Clock::now();
    const TimePoint latest = now - patience();
    while (!by_age.empty() && by_age.front()->alive_at <= latest) {
        const auto connection = by_age.front();
        if (connection->unanswered() > 0) {
            touch(*connection);
        } else {
            connection->close();
        }
    }
    if (!by_age.empty()) sweep_later();
}

StreamServer::StreamServer(runtime::EventLoop& loop, const StreamLimits& limits, Calls calls)
    : impl_(std::make_shared<Impl>(loop, limits, std::move(calls))) {}

StreamServer::~StreamServer() {
    impl_->acceptors.clear();
    impl_->from_proxy.reset();
    impl_->is_closed = true;
    impl_->sweep_timer->cancel();
    for (const auto& connection : impl_->by_age) connection->close();
    impl_->connections.clear();
    impl_->by_age.clear();
}

Result<Endpoint> StreamServer::listen(const Endpoint& local, Transport transport) {
    auto acceptor = runtime::Acceptor::listen(
        impl_->loop, local, {.max_connections = impl_->limits.connections + kRoomToAccept});
    if (!acceptor) return fail(std::move(acceptor.error()));
    return impl_->serve(std::move(*acceptor), transport);
}

void StreamServer::adopt(runtime::FileDescriptor listening, Transport transport) {
    impl_->serve(
        runtime::Acceptor::adopt(impl_->loop, std::move(listening),
                                 {.max_connections = impl_->limits.connections + kRoomToAccept}),
        transport);
}

int StreamServer::descriptor(const Endpoint& local) const {
    return impl_->acceptors.at(local)->descriptor();
}

Result<void> StreamServer::listen_for_proxy(const std::filesystem::path& path) {
    auto acceptor = runtime::Acceptor::listen(
        impl_->loop, path, {.max_connections = impl_->limits.connections + kRoomToAccept});
    if (!acceptor) return fail(std::move(acceptor.error()));
    const auto group = runtime::share_with_group(path);
    if (!group) return fail(group.error());
    (*acceptor)->start(
        [impl = impl_.get(), trusted = *group](runtime::AcceptedConnection accepted) {
            const auto peer = runtime::peer_credentials(accepted.socket.get());
            if (peer && runtime::is_trusted(*peer, trusted))
                impl->accept_from_proxy(std::move(accepted));
        });
    impl_->from_proxy = std::move(*acceptor);
    return {};
}

void StreamServer::set_identity(std::shared_ptr<const TlsIdentity> identity) {
    impl_->identity = std::move(identity);
}

void StreamServer::close(const Endpoint& local) { impl_->acceptors.erase(local); }

void StreamServer::reply(const ReplyPath& path, ByteView answer) {
    if (const auto connection = impl_->find(path.connection))
        connection->reply(path.stream, answer);
}

void StreamServer::settle(const ReplyPath& path) {
    if (const auto connection = impl_->find(path.connection)) connection->settle(path.stream);
}

std::size_t StreamServer::open_connections() const noexcept { return impl_->by_age.size(); }

}  // namespace hearth::dns
