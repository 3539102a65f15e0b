#pragma once

#include <string>

#include "runtime/metrics.h"

namespace hearth::proxy {

// What one worker passes on of a service without a look inside.
struct StreamMetrics {
    StreamMetrics(runtime::MetricWorker& worker, const std::string& service)
        : accepted(worker.counter("hearth_proxy_streams_total",
                                  "TCP connections, or UDP clients, that were passed on.",
                                  {{"service", service}})),
          from_clients(worker.counter("hearth_proxy_stream_bytes_total",
                                      "Octets passed on without a look inside.",
                                      {{"service", service}, {"direction", "in"}})),
          to_clients(worker.counter("hearth_proxy_stream_bytes_total",
                                    "Octets passed on without a look inside.",
                                    {{"service", service}, {"direction", "out"}})) {}

    runtime::Counter& accepted;
    runtime::Counter& from_clients;
    runtime::Counter& to_clients;
};

}  // namespace hearth::proxy
