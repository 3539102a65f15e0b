#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/io/http2_upstream.h"
#include "proxy/io/idle_shelf.h"
#include "proxy/io/poller.h"
#include "proxy/io/stream.h"
#include "proxy/io/timed.h"
#include "proxy/io/upstream_leg.h"
#include "proxy/model/service.h"

namespace hearth::proxy {

class UpstreamPool;

// Where a request goes and what is spoken there.
struct UpstreamTarget {
    Endpoint endpoint;
    std::shared_ptr<const UpstreamSecurity> security;  // null: plain HTTP/1.1
    // A request that asks to switch protocols needs a tunnel: a stream of HTTP/2 where that takes
    // them (kNoTunnel says that it does not), else a connection of HTTP/1.1 for itself.
    enum class Needs : std::uint8_t { kAny, kTunnel, kHttp1 } needs = Needs::kAny;
    std::string preamble{};  // ahead of all else, TLS included, on a connection for one client
};

// One connection to an endpoint, in use by one exchange or idle in the pool.
class UpstreamConnection final : public Pollable, public UpstreamLeg, private Timed {
public:
    UpstreamConnection(UpstreamPool& pool, UpstreamTarget target, Stream stream)
        : stream_(std::move(stream)), target_(std::move(target)), pool_(pool) {}

    UpstreamConnection* connection() noexcept override { return this; }
    std::optional<HopReason> connect_result() override;
    bool readable() const noexcept override { return stream_.readable(); }
    IoResult read(std::span<char> room) override { return stream_.read(room); }
    bool writable() const noexcept override { return stream_.writable(); }
    IoResult write(const Outgoing& out) override { return stream_.write(out); }
    HopReason failure() const noexcept override { return stream_.failure(); }
    void end_writing() override { stream_.end_writing(); }
    void watch_peer() { stream_.watch_peer(); }
    // Why it does not stand yet.
    [[nodiscard]] HopReason awaited() const noexcept {
        return phase_ == Phase::kHandshake ? HopReason::kTlsTimeout : HopReason::kConnectTimeout;
    }

    // When it is closed: with a reset, what was sent not being everything.
    void abort_on_close() noexcept { stream_.abort_on_close(); }

    void on_ready(std::uint32_t events) override;

private:
    friend class UpstreamPool;
    enum class Phase : std::uint8_t { kConnect, kHandshake, kOpen };

    void on_deadline() override;
    [[nodiscard]] bool speaks_http2() const noexcept;
    [[nodiscard]] bool send_preamble() noexcept;

    Stream stream_;
    UpstreamTarget target_;
    UpstreamPool& pool_;
    Phase phase_ = Phase::kConnect;
};

// A worker's connections to upstreams: makes them, keeps idle ones for a while, shares those that
// speak HTTP/2, and forgets those that were closed or spoke unasked. Used on the worker's thread.
class UpstreamPool {
public:
    // `shelf`: null when there are no other workers.
    UpstreamPool(Poller& poller, TimerWheel& timers, BlockPool& blocks,
                 std::shared_ptr<IdleShelf> shelf) noexcept
        : poller_(poller), timers_(timers), blocks_(blocks), shelf_(std::move(shelf)) {}
    ~UpstreamPool();

    // An idle one, the last used first, or a stream of a shared one; nullptr when there is none.
    // `check` may ask the kernel whether it is still open, for requests that cannot be repeated.
    enum class Check : std::uint8_t { kKnownState, kAskKernel };
    [[nodiscard]] std::unique_ptr<UpstreamLeg> take_idle(const UpstreamTarget& target, Check check);
    // A new one, maybe still connecting; nullptr and `why` when it failed at once.
    [[nodiscard]] std::unique_ptr<UpstreamLeg> connect(const UpstreamTarget& target,
                                                       HopReason& why);
    // Once it stands: itself, or a stream of it when it turned out to speak HTTP/2.
    [[nodiscard]] std::unique_ptr<UpstreamLeg> opened(std::unique_ptr<UpstreamLeg> leg);
    // Keeps it idle until `until`.
    void keep(std::unique_ptr<UpstreamLeg> leg, TimePoint until);
    // Leaves to the other workers what was idle since the last call; how many. Now and then.
    std::size_t hand_over();
    // Closes it, destroys it after the batch: events for it may be waiting.
    void discard(std::unique_ptr<UpstreamLeg> leg);

    // Writes what shared connections have to say. False when there was nothing.
    bool flush();
    [[nodiscard]] bool wants_flush() const noexcept { return !to_flush_.empty(); }
    void reap() noexcept;
    void close_idle();
    // Authorities are read anew.
    void forget_authorities() { tls_.forget(); }
    [[nodiscard]] std::size_t idle() const noexcept { return idle_count_; }

    // For its connections.
    [[nodiscard]] Poller& poller() noexcept { return poller_; }
    [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }
    [[nodiscard]] BlockPool& blocks() noexcept { return blocks_; }
    // Octets of answers that may be on the way beyond the first windows of HTTP/2.
    [[nodiscard]] std::size_t& wide_windows() noexcept { return wide_windows_; }
    void wants_flush(Http2Upstream& shared) { to_flush_.push_back(&shared); }

private:
    friend class UpstreamConnection;
    static constexpr std::size_t kMaxIdlePerEndpoint = 1024;
    using Connections = std::vector<std::unique_ptr<UpstreamConnection>>;
    struct Idle {
        Connections kept;        // the one used last at the end
        std::size_t unused = 0;  // of these, from the front: not needed since hand_over()
    };

    [[nodiscard]] std::unique_ptr<UpstreamLeg> take_kept(const UpstreamTarget& target, Check check);
    [[nodiscard]] std::unique_ptr<UpstreamLeg> take_shelved(const UpstreamTarget& target);
    void drop_idle(UpstreamConnection& connection);
    [[nodiscard]] Http2Upstream* shared_with_room(const UpstreamTarget& target) const noexcept;
    [[nodiscard]] std::unique_ptr<UpstreamLeg> take_shared(const UpstreamTarget& target) const;

    Poller& poller_;
    TimerWheel& timers_;
    BlockPool& blocks_;
    std::shared_ptr<IdleShelf> shelf_;
    TlsClientContext tls_;
    std::unordered_map<Endpoint, Idle> idle_;
    std::size_t idle_count_ = 0;
    Connections dead_;
    std::vector<std::unique_ptr<Http2Upstream>> shared_;
    std::vector<Http2Upstream*> to_flush_;
    std::size_t wide_windows_ = 0;
};

}  // namespace hearth::proxy
