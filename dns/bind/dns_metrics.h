#pragma once

#include <memory>
#include <vector>

#include "dns/core/snapshot.h"
#include "dns/io/worker.h"
#include "runtime/metrics.h"

namespace hearth::dns {

// Adds the workers' tallies up and gives them to a scrape (docs/dns.md, "Metrics").
void collect_metrics(const std::vector<std::unique_ptr<Worker>>& workers, const Snapshot& snapshot,
                     runtime::MetricSink& sink);

}  // namespace hearth::dns
