#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "proxy/io/client_session.h"
#include "proxy/io/datagram_relay.h"
#include "proxy/io/name_resolver.h"
#include "proxy/io/worker_state.h"
#include "runtime/acceptor.h"
#include "runtime/event_loop.h"

namespace hearth::runtime {
class MetricWorker;
class SocketStore;
}  // namespace hearth::runtime

namespace hearth::proxy {

// One thread of the proxy: its listeners, connections and upstream pool. The public calls are
// for the control thread; before start(), or else carried over to the worker's own.
class Worker {
public:
    struct Hooks {
        WorkerState::UpstreamReport upstream_changed;
        // Does anybody follow the requests? Asked a few times a second.
        std::function<bool()> access_followed;
        // Lines of the access log and events for its followers, a few times a second.
        std::function<void(std::string lines, AccessFormat format, std::vector<std::string> events)>
            access;
        // Spans for the collector, as append_spans() has them.
        std::function<void(std::string spans, std::size_t count)> spans;
        // There is room at a service for which others than this worker's requests wait.
        std::function<void()> room_made;
        // Requests that failed behind the client, and how many more there were.
        std::function<void(std::vector<FailedRequest> failed, std::size_t more)> failures;
    };

    // `number` tells the workers of this process apart, `shelf` and `connections` are theirs
    // together.
    Worker(std::size_t number, runtime::MetricWorker& metrics, runtime::SocketStore& sockets,
           std::shared_ptr<TicketKeys> tickets, std::shared_ptr<IdleShelf> shelf,
           std::shared_ptr<ConnectionCounts> connections, Hooks hooks);
    ~Worker();

    void start();
    [[nodiscard]] runtime::EventLoop& loop() noexcept { return loop_; }

    // Opens what of `wanted` is not open yet. On an error nothing has changed.
    [[nodiscard]] Result<void> open_listeners(const std::vector<Listening>& wanted);
    // Closes what is not in `wanted`; its connections go on.
    void close_other_listeners(const std::vector<Listening>& wanted);

    void adopt(std::shared_ptr<const Snapshot> snapshot, const SharedServices& shared);
    void set_passwords(std::shared_ptr<PasswordChecker> passwords);
    void set_upstream_states(std::shared_ptr<const UpstreamStates> states);
    void set_addresses(std::shared_ptr<const HostAddresses> addresses);
    // For the TLS handshakes from now on.
    void set_certificates(std::shared_ptr<const CertificateStore> store, UnknownName unknown);
    // For the handshakes and requests from now on.
    void set_client_trust(std::shared_ptr<const ClientTrust> trust);
    void set_access_log(AccessFormat format);
    // Any thread, while it runs: its requests that wait may find room.
    void look_at_queue();
    // Any thread, while it runs; `ask.done` is called on the worker's.
    void ask(UpstreamAsk ask);
    void set_error_pages(std::shared_ptr<const ErrorPages> pages);
    // Any thread: when the loop last came round, at least every 250 ms while it is well.
    [[nodiscard]] TimePoint last_tick() const noexcept {
        return TimePoint(Duration(last_tick_.load(std::memory_order_relaxed)));
    }

    // Its thread, and what was to run there.
    void end();
    // Stops accepting and ends each connection after its exchange. `drained` runs on the
    // worker's thread when none is left.
    void drain(std::function<void()> drained);

private:
    struct Listener {
        Security security = Security::kPlain;
        std::unique_ptr<runtime::Acceptor> acceptor;
        std::unique_ptr<DatagramRelay> datagrams;  // instead, with kDatagram

        [[nodiscard]] Listening where() const {
            return {datagrams ? datagrams->local() : acceptor->local(), security};
        }
        [[nodiscard]] int descriptor() const noexcept {
            return datagrams ? datagrams->descriptor() : acceptor->descriptor();
        }
    };

    void set_targets(ServiceState& state);
    void on_loop(const std::function<void()>& work);
    void accept(runtime::AcceptedConnection connection, Security security);
    [[nodiscard]] bool admits(const Endpoint& peer) const;
    void after_batch();
    void go_on_with_unfinished();
    void flush();
    [[nodiscard]] bool has_unfinished() const noexcept;
    void reap();
    void tick();
    void trim();
    void flush_access();

    [[nodiscard]] std::string kept_name(const Listening& one) const;
    [[nodiscard]] Result<Listener> open_listener(const Listening& one);
    [[nodiscard]] Result<Listener> open_datagrams(const Listening& one);
    void look_at_upstreams();

    std::size_t number_;
    runtime::SocketStore& sockets_;
    runtime::EventLoop loop_;
    bool started_ = false;
    Hooks hooks_;
    WorkerState state_;
    boost::asio::steady_timer ticker_;
    std::vector<Listener> listeners_;
    std::vector<std::unique_ptr<ClientSession>> sessions_;
    std::shared_ptr<const UpstreamStates> upstream_states_ = std::make_shared<UpstreamStates>();
    std::shared_ptr<const HostAddresses> addresses_ = std::make_shared<HostAddresses>();
    TimePoint trimmed_at_{};
    bool turn_posted_ = false;  // go_on_with_unfinished() is queued
    std::atomic<Duration::rep> last_tick_;
    std::atomic<bool> look_posted_ = false;
    std::function<void()> drained_;
};

}  // namespace hearth::proxy
