#pragma once

#include <boost/json/fwd.hpp>

#include "config/document.h"
#include "dns/bind/query_history.h"
#include "dns/io/dnstap.h"

namespace hearth::dns {

[[nodiscard]] QueryHistory::Settings history_settings(const config::Dns& dns);

// From `from` and `to` of a request, as query_filter.h reads times: the last day by default.
[[nodiscard]] Result<QueryDatabase::Range> stats_range(const runtime::ControlRequest& request);

// The log's part of /status.
[[nodiscard]] boost::json::object query_log_json(const QueryHistory::Status& status,
                                                 const config::QueryLogSettings& settings);

// Null when the document has none, or it cannot be started: a problem says why.
[[nodiscard]] std::unique_ptr<Dnstap> start_dnstap(const config::Document& document,
                                                   const config::Node* node, unsigned workers,
                                                   runtime::Problems& problems);
void collect_dnstap(const Dnstap& tap, runtime::MetricSink& sink);

[[nodiscard]] std::int64_t wall_now_ms();

}  // namespace hearth::dns
