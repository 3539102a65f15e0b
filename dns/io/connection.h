#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/time.h"
#include "dns/io/byte_stream.h"
#include "dns/model/query_context.h"
#include "runtime/acceptor.h"

namespace hearth::dns {

class Connection;

// What connections need of the server that has them.
class ConnectionHost {
public:
    // A whole question; answered by Connection::reply() or settle(), at once or later.
    virtual void ask(Connection& connection, std::int32_t stream, ByteView packet) = 0;
    // The client showed life: its time begins anew.
    virtual void touch(Connection& connection) = 0;
    // Calls Connection::go_on() soon, not from within this call.
    virtual void call_soon(Connection& connection) = 0;
    // Nothing refers to the connection afterwards but who holds it now.
    virtual void forget(Connection& connection) = 0;
    [[nodiscard]] virtual std::size_t most_unanswered() const noexcept = 0;
    [[nodiscard]] virtual std::size_t most_unsent() const noexcept = 0;

protected:
    ~ConnectionHost() = default;
};

// Who is at the other end; of a proxy's connection that is known a little later.
struct ConnectionParty {
    std::uint64_t id = 0;
    Transport transport = Transport::kTcp;
    Endpoint client;
    IpAddress local;
};

// One client's connection: counts what it is owed and ends when all is done. What it speaks is the
// matter of the classes below it.
class Connection : protected ByteStream::User, public std::enable_shared_from_this<Connection> {
public:
    Connection(ConnectionHost& host, ConnectionParty party, std::unique_ptr<ByteStream> stream,
               runtime::ConnectionPermit permit);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    virtual ~Connection();

    void start() { stream_->start(*this); }
    // The answer to a question that was asked of the host.
    void reply(std::int32_t stream, ByteView answer);
    // There will be no answer.
    void settle(std::int32_t stream);
    void close();
    // Takes up what was left lying while too much was unanswered.
    virtual void go_on() = 0;

    [[nodiscard]] const ConnectionParty& party() const noexcept { return party_; }
    [[nodiscard]] std::size_t unanswered() const noexcept { return unanswered_; }

    // Of the host: where it stands among the others, and since when.
    std::list<std::shared_ptr<Connection>>::iterator place;
    TimePoint alive_at{};
    std::optional<IpAddress> counted_as;  // against the limit of one client

protected:
    virtual void send_answer(std::int32_t stream, ByteView answer) = 0;
    virtual void send_nothing(std::int32_t stream) = 0;
    // Octets of the client, this connection held.
    virtual void take(ByteView octets) = 0;

    void ask(std::int32_t stream, ByteView packet);
    void write(ByteView octets);
    [[nodiscard]] bool is_busy() const noexcept { return unanswered_ >= host_.most_unanswered(); }
    [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }
    [[nodiscard]] ByteStream& stream() noexcept { return *stream_; }
    [[nodiscard]] ConnectionHost& host() noexcept { return host_; }
    void set_party(const Endpoint& client, const IpAddress& local);
    void close_when_done();
    // No further request is taken; what is owed is sent.
    void finish_input();

private:
    void on_octets(ByteView octets) final;
    void on_end(StreamEnd end) final;
    void on_drained() final { close_when_done(); }
    void settled();

    ConnectionHost& host_;
    ConnectionParty party_;
    std::unique_ptr<ByteStream> stream_;
    runtime::ConnectionPermit permit_;
    std::size_t unanswered_ = 0;
    bool input_ended_ = false;
    bool is_closed_ = false;
};

// DNS over TCP or TLS: a length, a message (RFC 1035 §4.2.2, RFC 7766, RFC 7858).
[[nodiscard]] std::shared_ptr<Connection> make_dns_connection(ConnectionHost& host,
                                                              ConnectionParty party,
                                                              std::unique_ptr<ByteStream> stream,
                                                              runtime::ConnectionPermit permit);

// DNS over HTTPS (RFC 8484): HTTP/2 or HTTP/1.1, whichever the client begins with.
enum class HttpFrom : std::uint8_t {
    kClient,
    kProxy,  // a PROXY header comes first and says whose connection it is
};
[[nodiscard]] std::shared_ptr<Connection> make_http_connection(ConnectionHost& host,
                                                               ConnectionParty party, HttpFrom from,
                                                               std::unique_ptr<ByteStream> stream,
                                                               runtime::ConnectionPermit permit);

}  // namespace hearth::dns
