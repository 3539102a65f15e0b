#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "dns/core/loop_guard.h"
#include "dns/core/query_log.h"
#include "dns/core/query_pipeline.h"
#include "dns/core/snapshot.h"
#include "dns/core/tally.h"
#include "dns/io/dnstap.h"
#include "dns/io/stream_server.h"
#include "runtime/event_loop.h"
#include "runtime/snapshot.h"
#include "runtime/socket_store.h"

namespace hearth::dns {

class Resolver;
class TlsTrust;

// What is spoken at an address.
enum class Serves : std::uint8_t {
    kPlain,  // UDP and TCP
    kTls,    // RFC 7858
    kHttps,  // RFC 8484
};
struct ListenAddress {
    Endpoint endpoint;
    Serves serves = Serves::kPlain;

    friend auto operator<=>(const ListenAddress&, const ListenAddress&) = default;
};

struct WorkerOptions {
    std::string name;
    QueryPipeline::Limits pipeline;
    StreamLimits streams;
    std::size_t log_entries = 2'500;
    unsigned number = 0;                      // among the workers
    Dnstap* tap = nullptr;                    // gets copies; outlives the worker
    runtime::SocketStore* sockets = nullptr;  // must be given; outlives the worker
};

// One thread that answers: a pipeline, its sockets on every address (SO_REUSEPORT spreads clients
// over the workers), its own cache and its own questions to upstreams. Nothing is shared with other
// workers but the snapshot and the loop guard.
class Worker {
public:
    // `snapshots` must have something published before start(); both outlive the worker.
    Worker(const WorkerOptions& options, const runtime::Published<Snapshot>& snapshots,
           LoopGuard& loops);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Listens on exactly these addresses from now on. Those that fail are returned
    // with the reason and may be tried again; the others serve. Before start(), or from another
    // thread.
    struct ListenFailure {
        Endpoint endpoint;
        Error error;
    };
    [[nodiscard]] std::vector<ListenFailure> listen(const std::vector<ListenAddress>& addresses);

    // For one worker only: a proxy on this machine hands DNS over HTTPS on (StreamServer). Before
    // start().
    [[nodiscard]] Result<void> listen_for_proxy(const std::filesystem::path& path);
    // What TLS and HTTPS show from now on; null: they are not served. Any thread.
    void set_identity(std::shared_ptr<const TlsIdentity> identity);

    void start();
    // Lets go of the snapshot before the one that is published, also when nobody asks anything. Any
    // thread.
    void refresh();
    // Not from the worker's own thread.
    void stop();

    [[nodiscard]] runtime::EventLoop& loop() noexcept;
    [[nodiscard]] const QueryLog& log() const noexcept;
    [[nodiscard]] const Tally& tally() const noexcept;
    [[nodiscard]] std::size_t cache_bytes() const noexcept;  // the limit it was made with

    // The resolvers that questions to them are for: UpstreamServers that are no servers elsewhere.
    // Those before are let go of, on the caller's thread. Before start(), after stop(), or from
    // another thread.
    using Resolvers = std::vector<std::pair<UpstreamServer, std::shared_ptr<Resolver>>>;
    void set_resolvers(std::shared_ptr<const Resolvers> resolvers);
    // Questions to the endpoint that is returned, on loopback, go to the servers of this upstream
    // group, unchecked, past zones, rules and cache: for our own resolvers. The same group has the
    // same endpoint. Before start(), or from another thread.
    [[nodiscard]] Result<Endpoint> open_back_door(std::uint16_t group);

    // Asks an upstream group on our own behalf, unchecked and past zones, rules and cache. `done`
    // is called on the worker's thread, with the answer, which may be a failure or none. From
    // another thread.
    void look_up(const Name& name, RrType type, std::uint16_t group,
                 std::function<void(ByteView answer)> done);

    // Whom upstreams must be certified by, for connections from now on.
    void set_trust(std::shared_ptr<const TlsTrust> trust);

    // An answer that was not as its owner signed it.
    struct Bogus {
        Name name;
        RrType type{};
        std::string why;
    };
    // At most a second old. Any thread.
    struct Report {
        std::vector<Upstream> upstreams;
        std::map<UpstreamIndex, std::string> troubles;  // see UpstreamStreams
        std::size_t connections = 0;                    // of clients
        std::deque<Bogus> bogus;                        // the last few, newest first
    };
    [[nodiscard]] Report report() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::dns
