#include "proxy/io/request_metrics.h"

#include <string_view>

#include "proxy/io/stream_metrics.h"
#include "runtime/metrics.h"

namespace hearth::proxy {

namespace {

constexpr std::array<std::string_view, 6> kClassNames = {"failed", "1xx", "2xx",
                                                         "3xx",    "4xx", "5xx"};

std::size_t class_of(int status, const HopError& error) {
    const bool failed = error.failed() && hop_of(error.reason) == Hop::kUpstream;
    return failed || status < 100 || status > 599 ? 0 : static_cast<std::size_t>(status) / 100;
}

}  // namespace

UpstreamMetrics::UpstreamMetrics(runtime::MetricWorker& worker, std::string service,
                                 std::string upstream)
    : worker_(worker),
      service_(std::move(service)),
      upstream_(std::move(upstream)),
      duration_(worker.histogram("hearth_proxy_upstream_duration_seconds",
                                 "From a question to an upstream to the end of its answer.",
                                 runtime::kLatencyBounds,
                                 {{"service", service_}, {"upstream", upstream_}})) {}

void UpstreamMetrics::finished(int status, const HopError& error, Duration duration) {
    duration_.observe(duration);
    const std::size_t index = class_of(status, error);
    if (by_class_[index] == nullptr) {
        by_class_[index] =
            &worker_.counter("hearth_proxy_upstream_responses_total", "Answers of upstreams.",
                             {{"service", service_},
                              {"upstream", upstream_},
                              {"class", std::string(kClassNames[index])}});
    }
    by_class_[index]->add();
}

RequestMetrics::RequestMetrics(runtime::MetricWorker& worker, std::string service)
    : worker_(worker),
      service_(std::move(service)),
      duration_(worker.histogram("hearth_proxy_request_duration_seconds",
                                 "From the request's head to the end of its response.",
                                 runtime::kLatencyBounds, {{"service", service_}})),
      request_octets_(worker.counter("hearth_proxy_request_body_bytes_total",
                                     "Octets of bodies from clients.", {{"service", service_}})),
      response_octets_(worker.counter("hearth_proxy_response_body_bytes_total",
                                      "Octets of bodies to clients.", {{"service", service_}})) {}

void RequestMetrics::finished(const AccessRecord& record) {
    duration_.observe(record.duration);
    cell(record.method, record.status).add();
    request_octets_.add(record.request_octets);
    response_octets_.add(record.response_octets);
    runtime::Counter*& version = by_version_[static_cast<std::size_t>(record.version)];
    if (version == nullptr) {
        version = &worker_.counter(
            "hearth_proxy_protocol_requests_total", "Requests by how they came.",
            {{"service", service_}, {"protocol", std::string(to_string(record.version))}});
    }
    version->add();
}

runtime::Counter& RequestMetrics::cell(Method method, int status) {
    for (const Cell& one : cells_) {
        if (one.status == status && one.method == method) return *one.counter;
    }
    const bool is_full = cells_.size() >= kMostCells;
    runtime::Counter& counter =
        worker_.counter("hearth_proxy_requests_total", "Requests by how they were answered.",
                        {{"service", service_},
                         {"code", is_full ? "other" : std::to_string(status)},
                         {"method", std::string(to_string(is_full ? Method::kOther : method))}});
    if (!is_full) cells_.push_back({method, status, &counter});
    return counter;
}

ProxyMetrics::ProxyMetrics(runtime::MetricWorker& worker)
    : connections(worker.counter("hearth_proxy_connections_total", "Client connections.")),
      http2_connections(worker.counter("hearth_proxy_http2_connections_total",
                                       "Of those, the ones that speak HTTP/2.")),
      upstream_connects(worker.counter("hearth_proxy_upstream_connects_total",
                                       "Connections opened to upstreams.")),
      upstream_reuses(worker.counter("hearth_proxy_upstream_reuses_total",
                                     "Requests sent on a kept upstream connection.")),
      upstream_hand_overs(worker.counter("hearth_proxy_upstream_hand_overs_total",
                                         "Idle connections that a worker left to the others.")),
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

UpstreamMetrics& ProxyMetrics::upstream(const std::string& service, const std::string& upstream) {
    auto& metrics = upstreams_[{service, upstream}];
    if (!metrics) metrics = std::make_unique<UpstreamMetrics>(worker_, service, upstream);
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
