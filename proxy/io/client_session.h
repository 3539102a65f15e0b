#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "base/ip.h"
#include "proxy/io/client_request.h"
#include "proxy/io/http2_connection.h"
#include "proxy/io/poller.h"
#include "proxy/io/stream.h"
#include "proxy/io/stream_relay.h"
#include "proxy/io/timed.h"
#include "proxy/io/worker_state.h"
#include "proxy/model/tls.h"
#include "runtime/acceptor.h"
#include "runtime/socket_address.h"

namespace hearth::proxy {

// One client connection: reads request heads and has one request after the other answered, or
// finds that it is HTTP/2's and leaves it to an Http2Connection, or nobody's but an upstream's, to
// a StreamRelay. Idle it holds no buffer and no exchange. On its worker's thread; its owner
// destroys it between batches once is_closed().
class ClientSession final : public Pollable, private RequestClient, private Timed {
public:
    ClientSession(WorkerState& worker, runtime::AcceptedConnection connection, Security security);
    ~ClientSession();

    // False when the kernel refuses to watch it.
    [[nodiscard]] bool start();
    // Ends it, after the exchange under way if there is one.
    void drain();
    [[nodiscard]] bool is_closed() const noexcept { return state_ == State::kClosed; }

    void on_ready(std::uint32_t events) override;
    // Its turn again after it had put itself on WorkerState::unfinished.
    void go_on();
    // On WorkerState::to_flush: streams of HTTP/2 are to be run, then frames to be written.
    void run_streams();
    void flush();

    // For itself and its Http2Connection.
    void wake_at(TimePoint deadline) override { worker_.timers.set(*this, deadline); }
    void give_way() override;

    // Where its owner keeps it.
    std::size_t index = 0;

private:
    static constexpr Duration kHandshakeTime = 10s;  // with a PROXY header and the ClientHello

    enum class State : std::uint8_t {
        kPreamble,
        kHello,
        kHandshake,
        kHead,
        kRequest,
        kHttp2,
        kStream,
        kLinger,
        kClosed
    };
    // Whether run() goes on with the (new) state or waits for an event.
    enum class Next : std::uint8_t { kWait, kRun };

    bool readable() const noexcept override { return stream_.readable(); }
    IoResult read(std::span<char> room) override { return stream_.read(room); }
    bool writable() const noexcept override { return stream_.writable(); }
    IoResult write(const Outgoing& out) override { return stream_.write(out); }
    void end_writing() override { stream_.end_writing(); }
    void watch_peer() override { stream_.watch_peer(); }
    Endpoint local() const noexcept override { return runtime::local_endpoint(stream_.fd()); }
    void on_request_ready() override { run(); }

    void on_deadline() override;
    void run();

    // client_preamble.cpp
    Next read_preamble();
    void set_peer(const Endpoint& peer);

    // client_stream.cpp
    Next read_hello();
    [[nodiscard]] bool start_tls();
    [[nodiscard]] bool start_stream();
    [[nodiscard]] bool open_stream(std::size_t service);
    Next drive_stream();
    Next end_stream(StreamRelay::Life life);

    [[nodiscard]] bool start_protocol();
    Next handshake();
    Next read_head();
    Next begin_http2();
    Next drive_http2();
    Next end_http2(Http2Connection::Life life);
    Next wait_for_head();
    Next drive_request();
    Next next_request();
    Next end_client();
    Next begin_linger();
    Next linger();
    void close();

    [[nodiscard]] TimePoint now() const noexcept { return worker_.poller.now(); }
    [[nodiscard]] const Snapshot& snapshot() const noexcept {
        return *worker_.generation->snapshot;
    }

    WorkerState& worker_;
    Stream stream_;
    ClientIdentity who_;
    State state_ = State::kHead;
    bool served_ = false;   // at least one request
    bool waiting_ = false;  // on WorkerState::unfinished
    std::size_t linger_octets_ = std::numeric_limits<std::size_t>::max();
    ClientRequest request_;
    std::unique_ptr<Http2Connection> http2_;
    std::unique_ptr<StreamRelay> stream_relay_;
    runtime::ConnectionPermit permit_;
};

}  // namespace hearth::proxy
