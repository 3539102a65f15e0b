#include "dns/io/tcp_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dns/model/protocol.h"
#include "runtime/acceptor.h"
#include "runtime/event_loop.h"
#include "runtime/socket_address.h"

namespace hearth::dns {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::size_t kFirstRead = 1024;
constexpr std::size_t kPrefix = 2;

}  // namespace

struct TcpServer::Impl : std::enable_shared_from_this<Impl> {
    struct Session;
    using SessionPointer = std::shared_ptr<Session>;

    Impl(runtime::EventLoop& l, const TcpLimits& given, OnQuestion handler)
        : loop(l), limits(given), on_question(std::move(handler)) {}

    void accept(runtime::AcceptedConnection accepted);
    void remove(const Session& session);
    [[nodiscard]] std::chrono::milliseconds patience() const {
        return sessions.size() * 4 > limits.connections * 3 ? limits.idle_when_crowded
                                                            : limits.idle;
    }
    [[nodiscard]] SessionPointer find(std::uint64_t id) const {
        const auto found = sessions.find(id);
        return found == sessions.end() ? nullptr : found->second;
    }

    runtime::EventLoop& loop;
    TcpLimits limits;
    OnQuestion on_question;
    std::uint64_t next_id = 1;
    std::map<Endpoint, std::unique_ptr<runtime::Acceptor>> acceptors;
    std::unordered_map<std::uint64_t, SessionPointer> sessions;
    std::unordered_map<IpAddress, std::size_t> by_client;
};

// One connection. Its handlers keep it; the server's table finds it.
struct TcpServer::Impl::Session : std::enable_shared_from_this<Session> {
    Session(Impl& owner, std::uint64_t number, tcp::socket s, runtime::AcceptedConnection& accepted)
        : server(owner.weak_from_this()),
          id(number),
          socket(std::move(s)),
          timer(socket.get_executor()),
          client(accepted.peer),
          permit(std::move(accepted.permit)) {
        in.resize(kFirstRead);
    }

    void start(Impl& owner) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        if (::getsockname(socket.native_handle(), reinterpret_cast<sockaddr*>(&address), &size) ==
            0)
            local =
                runtime::from_socket_address(reinterpret_cast<const sockaddr&>(address)).address;
        expect_question(owner);
        read();
    }

    // The client has until then to send its next whole question, or to take an answer.
    void expect_question(const Impl& owner) {
        deadline = Clock::now() + owner.patience();
        arm();
    }

    void arm() {
        if (timer_armed) return;
        timer_armed = true;
        timer.expires_at(deadline);
        timer.async_wait([self = shared_from_this()](Error error) {
            self->timer_armed = false;
            if (error || self->closed) return;
            if (Clock::now() < self->deadline) return self->arm();
            // While we owe an answer the client is not idle.
            if (self->unanswered == 0) return self->close();
            self->deadline = Clock::now() + std::chrono::seconds(1);
            self->arm();
        });
    }

    void read() {
        reading = true;
        socket.async_read_some(asio::buffer(in.data() + filled, in.size() - filled),
                               [self = shared_from_this()](Error error, std::size_t size) {
                                   self->reading = false;
                                   if (error) return self->on_end_of_input();
                                   self->filled += size;
                                   self->take_questions();
                               });
    }

    // A client may shut its side down and still wait for answers (RFC 7766 §6.2.4 lets us answer).
    void on_end_of_input() {
        input_ended = true;
        close_when_done();
    }

    void close_when_done() {
        if (input_ended && unanswered == 0 && out.empty() && writing.empty()) close();
    }

    void take_questions() {
        const auto owner = server.lock();
        if (!owner || closed) return;
        std::size_t at = 0;
        while (filled - at >= kPrefix && unanswered < owner->limits.unanswered) {
            const std::size_t size = load_be16(in.data() + at);
            if (size < kHeaderSize) return close();
            if (filled - at - kPrefix < size) {
                if (in.size() < size + kPrefix) in.resize(size + kPrefix);
                break;
            }
            ++unanswered;
            expect_question(*owner);
            owner->on_question({id, client, local, ByteView(in).subspan(at + kPrefix, size)});
            if (closed) return;
            at += kPrefix + size;
        }
        std::copy(in.begin() + static_cast<std::ptrdiff_t>(at),
                  in.begin() + static_cast<std::ptrdiff_t>(filled), in.begin());
        filled -= at;
        if (!reading && !input_ended && filled < in.size() && unanswered < owner->limits.unanswered)
            read();
    }

    void settle() {
        if (unanswered > 0) --unanswered;
        close_when_done();
        const auto owner = server.lock();
        // It was not read further while it had too many questions waiting.
        if (owner && !closed && !reading && !input_ended &&
            unanswered + 1 == owner->limits.unanswered)
            asio::post(socket.get_executor(), [self = shared_from_this()] {
                if (!self->reading && !self->closed) self->take_questions();
            });
    }

    void send(ByteView answer, std::size_t unsent_limit) {
        if (closed) return;
        if (out.size() + answer.size() > unsent_limit) return close();
        const std::size_t at = out.size();
        out.resize(at + kPrefix + answer.size());
        store_be16(out.data() + at, static_cast<std::uint16_t>(answer.size()));
        std::copy(answer.begin(), answer.end(),
                  out.begin() + static_cast<std::ptrdiff_t>(at + kPrefix));
        write();
    }

    void write() {
        if (!writing.empty() || out.empty()) return;
        writing.swap(out);
        asio::async_write(socket, asio::buffer(writing),
                          [self = shared_from_this()](Error error, std::size_t) {
                              self->writing.clear();
                              if (error) return self->close();
                              if (self->closed) return;
                              self->write();
                              self->close_when_done();
                          });
    }

    void close() {
        if (std::exchange(closed, true)) return;
        Error ignored;
        socket.close(ignored);
        timer.cancel();
        if (const auto owner = server.lock()) owner->remove(*this);
    }

    using Clock = std::chrono::steady_clock;
    std::weak_ptr<Impl> server;
    std::uint64_t id;
    tcp::socket socket;
    asio::steady_timer timer;
    Clock::time_point deadline;
    Endpoint client;
    IpAddress local;
    runtime::ConnectionPermit permit;
    std::vector<std::uint8_t> in;
    std::size_t filled = 0;
    std::vector<std::uint8_t> out;
    std::vector<std::uint8_t> writing;
    std::size_t unanswered = 0;
    bool timer_armed = false;
    bool reading = false;
    bool input_ended = false;
    bool closed = false;
};

void TcpServer::Impl::accept(runtime::AcceptedConnection accepted) {
    std::size_t& theirs = by_client[accepted.peer.address];
    if (theirs >= limits.connections_per_client) return;
    tcp::socket socket(loop.context());
    Error error;
    socket.assign(accepted.peer.address.is_v4() ? tcp::v4() : tcp::v6(), accepted.socket.release(),
                  error);
    if (error) return;
    ++theirs;
    const std::uint64_t id = next_id++;
    const auto session = std::make_shared<Session>(*this, id, std::move(socket), accepted);
    sessions.emplace(id, session);
    session->start(*this);
}

void TcpServer::Impl::remove(const Session& session) {
    if (const auto found = by_client.find(session.client.address);
        found != by_client.end() && --found->second == 0)
        by_client.erase(found);
    sessions.erase(session.id);
}

TcpServer::TcpServer(runtime::EventLoop& loop, const TcpLimits& limits, OnQuestion on_question)
    : impl_(std::make_shared<Impl>(loop, limits, std::move(on_question))) {}

TcpServer::~TcpServer() {
    impl_->acceptors.clear();
    const auto sessions = std::exchange(impl_->sessions, {});
    for (const auto& [id, session] : sessions) session->close();
}

Result<Endpoint> TcpServer::listen(const Endpoint& local) {
    auto acceptor = runtime::Acceptor::listen(impl_->loop, local,
                                              {.max_connections = impl_->limits.connections});
    if (!acceptor) return fail(std::move(acceptor.error()));
    const Endpoint bound = (*acceptor)->local();
    (*acceptor)->start([impl = impl_.get()](runtime::AcceptedConnection accepted) {
        impl->accept(std::move(accepted));
    });
    impl_->acceptors[bound] = std::move(*acceptor);
    return bound;
}

void TcpServer::close(const Endpoint& local) { impl_->acceptors.erase(local); }

void TcpServer::reply(std::uint64_t connection, ByteView answer) {
    if (const auto session = impl_->find(connection)) {
        session->send(answer, impl_->limits.unsent);
        session->settle();
    }
}

void TcpServer::settle(std::uint64_t connection) {
    if (const auto session = impl_->find(connection)) session->settle();
}

std::size_t TcpServer::open_connections() const noexcept { return impl_->sessions.size(); }

}  // namespace hearth::dns
