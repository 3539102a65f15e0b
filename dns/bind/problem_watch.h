#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <vector>

#include "dns/core/loop_guard.h"
#include "dns/core/snapshot.h"
#include "dns/io/worker.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"

namespace hearth::dns {

// Raises and clears the problems that come and go while serving: forwarding_loop, upstream_dead,
// no_upstream.
void watch_upstreams(const Snapshot& snapshot, const std::vector<std::unique_ptr<Worker>>& workers,
                     const LoopGuard& loops, runtime::Problems& problems);

// What all workers together know of one upstream.
struct UpstreamSummary {
    UpstreamServer server;
    bool is_dead = false;  // a worker found it so, and none has had an answer since
    TimePoint died_at{};
    TimePoint answered_at{};
    Duration smoothed_rtt{};
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    std::uint64_t timeouts = 0;
    std::string trouble;  // with its connections, as "certificate has expired"
};
[[nodiscard]] std::vector<UpstreamSummary> summarise_upstreams(
    const Snapshot& snapshot, const std::vector<std::unique_ptr<Worker>>& workers);

// For /status.
[[nodiscard]] boost::json::array describe_upstreams(
    const Snapshot& snapshot, const std::vector<std::unique_ptr<Worker>>& workers,
    const LoopGuard& loops);

// How many messages of upstreams were no answers, by reason.
[[nodiscard]] boost::json::object describe_dropped(
    const std::vector<std::unique_ptr<Worker>>& workers);

// hearth_dns_upstream_*{upstream}: as many as the document names.
void collect_upstreams(const Snapshot& snapshot,
                       const std::vector<std::unique_ptr<Worker>>& workers,
                       runtime::MetricSink& sink);

}  // namespace hearth::dns
