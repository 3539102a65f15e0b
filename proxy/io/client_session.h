#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/ip.h"
#include "proxy/io/poller.h"
#include "proxy/io/stream.h"
#include "proxy/io/timed.h"
#include "proxy/io/upstream_pool.h"
#include "proxy/io/worker_state.h"
#include "proxy/model/tls.h"
#include "runtime/acceptor.h"

namespace hearth::proxy {

// One client connection: reads request heads, drives one exchange after the other, answers
// with a page what cannot be forwarded. Idle it holds no buffer and no exchange. On its
// worker's thread; its owner destroys it between batches once is_closed().
class ClientSession final : public Pollable, private UpstreamUser, private Timed {
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

    // Where its owner keeps it.
    std::size_t index = 0;

private:
    enum class State : std::uint8_t { kHandshake, kHead, kRelay, kPage, kLinger, kClosed };
    // Whether run() goes on with the (new) state or waits for an event.
    enum class Next : std::uint8_t { kWait, kRun };

    void on_upstream_ready() override { run(); }
    void on_deadline() override;
    void run();

    Next handshake();
    Next read_head();
    Next wait_for_head();
    Next begin_exchange();
    void describe_request(const RequestHead& head, const Peer& peer);

    // client_relay.cpp
    Next start_attempt();
    [[nodiscard]] Next connect_failed(HopReason reason);
    void attach(std::unique_ptr<UpstreamConnection> connection);
    void upstream_connected();
    Next relay();
    Next give_way();
    [[nodiscard]] bool finish_connect();
    [[nodiscard]] bool read_client();
    [[nodiscard]] bool write_upstream();
    [[nodiscard]] bool read_upstream();
    [[nodiscard]] bool write_client();
    void pass_ends();
    void watch_silence();
    Next conclude();
    void drop_upstream();

    Next finished();
    Next failed(HopError error);
    [[nodiscard]] bool wants_https(const RequestHead& head) const noexcept;
    Next redirect_to_https(const RequestHead& head);
    Next answer(std::string head_and_body);
    Next send_page();
    void finish_record();
    Next next_request();
    Next end_client();
    Next linger();
    void close();

    [[nodiscard]] TimePoint now() const noexcept { return worker_.poller.now(); }
    [[nodiscard]] const Snapshot& snapshot() const noexcept {
        return *worker_.generation->snapshot;
    }

    WorkerState& worker_;
    Stream stream_;
    Security security_;
    State state_ = State::kHead;
    bool served_ = false;   // at least one request
    bool waiting_ = false;  // on WorkerState::unfinished
    IpAddress peer_;
    std::string peer_text_;
    std::unique_ptr<ActiveExchange> active_;
    runtime::ConnectionPermit permit_;
};

}  // namespace hearth::proxy
