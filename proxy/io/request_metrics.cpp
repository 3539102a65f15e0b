#include "proxy/io/request_metrics.h"

#include "proxy/io/stream_metrics.h"
#include "runtime/metrics.h"

namespace hearth::proxy {

RequestMetrics::RequestMetrics(runtime::MetricWorker& worker, std::string service)
    : worker_(worker),
      service_(std::move(service)),
      duration_(worker.histogram("hearth_proxy_request_duration_seconds",
                                 "From the request's head to the end of its response.",
                                 runtime::kLatencyBounds, {{"service", service_}})) {}

void RequestMetrics::finished(Method method, int status, Duration duration) {
    duration_.observe(duration);
    for (const Cell& cell : cells_) {
        if (cell.status == status && cell.method == method) return cell.counter->add();
    }
    runtime::Counter& counter =
        worker_.counter("hearth_proxy_requests_total", "Requests by how they were answered.",
                        {{"service", service_},
                         {"code", std::to_string(status)},
                         {"method", std::string(to_string(method))}});
    counter.add();
    cells_.push_back({method, status, &counter});
}

ProxyMetrics::ProxyMetrics(runtime::MetricWorker& worker)
    : connections(worker.counter("hearth_proxy_connections_total", "Client connections.")),
      http2_connections(worker.counter("hearth_proxy_http2_connections_total",
                                       "Of those, the ones that speak HTTP/2.")),
      upstream_connects(worker.counter("hearth_proxy_upstream_connects_total",
                                       "Connections opened to upstreams.")),
      upstream_reuses(worker.counter("hearth_proxy_upstream_reuses_total",
                                     "Requests sent on a kept upstream connection.")),
      tls_handshakes(worker.counter("hearth_proxy_tls_handshakes_total",
                                    "TLS handshakes with clients that ended well.")),
      tls_resumptions(worker.counter("hearth_proxy_tls_resumptions_total",
                                     "Of those, the ones that resumed a session.")),
      tls_failures(worker.counter("hearth_proxy_tls_handshake_failures_total",
                                  "TLS handshakes with clients that failed.")),
      spans_dropped(
          worker.counter("hearth_proxy_spans_dropped_total", "Spans that no collector got.")),
      worker_(worker) {}

RequestMetrics& ProxyMetrics::service(const std::string& name) {
    auto& metrics = services_[name];
    if (!metrics) metrics = std::make_unique<RequestMetrics>(worker_, name);
    return *metrics;
}

ProxyMetrics::~ProxyMetrics() = default;

StreamMetrics& ProxyMetrics::streams(const std::string& name) {
    auto& metrics = streams_[name];
    if (!metrics) metrics = std::make_unique<StreamMetrics>(worker_, name);
    return *metrics;
}

void ProxyMetrics::failed(HopReason reason) {
    worker_
        .counter("hearth_proxy_failures_total", "Requests that failed, by hop and reason.",
                 {{"hop", std::string(to_string(hop_of(reason)))},
                  {"reason", std::string(to_string(reason))}})
        .add();
}

}  // namespace hearth::proxy
