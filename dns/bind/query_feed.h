#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dns/core/query_entry.h"
#include "dns/core/snapshot.h"
#include "dns/io/worker.h"
#include "runtime/event_hub.h"

namespace hearth::dns {

// Questions as they are answered, for who follows: the topic "query" is all of them,
// "query?client=10.0.0.7&reason=blocked" those that the filter takes (query_filter.h). Control
// thread.
class QueryFeed {
public:
    // Both outlive it.
    QueryFeed(runtime::EventHub& events, const std::vector<std::unique_ptr<Worker>>& workers)
        : events_(events), workers_(workers) {}

    // What came since the last call.
    void publish(const Snapshot& snapshot, QueryPrivacy privacy);

private:
    runtime::EventHub& events_;
    const std::vector<std::unique_ptr<Worker>>& workers_;
    std::vector<std::uint64_t> positions_;  // per worker: published up to here
};

}  // namespace hearth::dns
