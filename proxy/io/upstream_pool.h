#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/io/poller.h"
#include "proxy/io/stream.h"
#include "proxy/io/timed.h"

namespace hearth::proxy {

class UpstreamPool;

// Who uses a connection is told when it becomes ready.
class UpstreamUser {
public:
    virtual void on_upstream_ready() = 0;

protected:
    ~UpstreamUser() = default;
};

// One connection to an endpoint, in use by one exchange or idle in the pool.
class UpstreamConnection final : public Pollable, private Timed {
public:
    UpstreamConnection(UpstreamPool& pool, const Endpoint& endpoint, Stream stream)
        : stream_(std::move(stream)), endpoint_(endpoint), pool_(pool) {}

    [[nodiscard]] Stream& stream() noexcept { return stream_; }
    [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
    void set_user(UpstreamUser* user) noexcept { user_ = user; }

    void on_ready(std::uint32_t events) override;

private:
    friend class UpstreamPool;
    void on_deadline() override;

    Stream stream_;
    Endpoint endpoint_;
    UpstreamPool& pool_;
    UpstreamUser* user_ = nullptr;
};

// A worker's connections to upstreams: makes them, keeps idle ones for a while, and forgets
// those that were closed or spoke unasked. Used on the worker's thread.
class UpstreamPool {
public:
    UpstreamPool(Poller& poller, TimerWheel& timers) noexcept : poller_(poller), timers_(timers) {}
    ~UpstreamPool();

    // An idle one, the last used first; nullptr when there is none. `careful` asks the kernel
    // whether it is still open, for requests that cannot be repeated.
    enum class Check : std::uint8_t { kKnownState, kAskKernel };
    [[nodiscard]] std::unique_ptr<UpstreamConnection> take_idle(const Endpoint& endpoint,
                                                                Check check);
    // A new one, maybe still connecting; nullptr and `why` when it failed at once.
    [[nodiscard]] std::unique_ptr<UpstreamConnection> connect(const Endpoint& endpoint,
                                                              HopReason& why);
    // Keeps it idle until `until`.
    void keep(std::unique_ptr<UpstreamConnection> connection, TimePoint until);
    // Closes it, destroys it after the batch: events for it may be waiting.
    void discard(std::unique_ptr<UpstreamConnection> connection);

    void reap() noexcept { dead_.clear(); }
    void close_idle();
    [[nodiscard]] std::size_t idle() const noexcept { return idle_count_; }

private:
    friend class UpstreamConnection;
    static constexpr std::size_t kMaxIdlePerEndpoint = 128;
    using Idle = std::vector<std::unique_ptr<UpstreamConnection>>;

    void drop_idle(UpstreamConnection& connection);

    Poller& poller_;
    TimerWheel& timers_;
    std::unordered_map<Endpoint, Idle> idle_;
    std::size_t idle_count_ = 0;
    Idle dead_;
};

}  // namespace hearth::proxy
