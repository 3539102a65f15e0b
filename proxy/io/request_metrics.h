#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "proxy/model/hop_error.h"
#include "proxy/model/message.h"

namespace hearth::runtime {
class Counter;
class Histogram;
class MetricWorker;
}  // namespace hearth::runtime

namespace hearth::proxy {

struct StreamMetrics;

// One service's counters on one worker.
class RequestMetrics {
public:
    RequestMetrics(runtime::MetricWorker& worker, std::string service);

    void finished(Method method, int status, Duration duration);

private:
    struct Cell {
        Method method;
        int status;
        runtime::Counter* counter;
    };
    runtime::MetricWorker& worker_;
    std::string service_;
    std::vector<Cell> cells_;  // a service answers with few combinations
    runtime::Histogram& duration_;
};

// All of a worker's; services keep theirs across reloads.
class ProxyMetrics {
public:
    explicit ProxyMetrics(runtime::MetricWorker& worker);
    ~ProxyMetrics();

    // "" for requests that no service got.
    [[nodiscard]] RequestMetrics& service(const std::string& name);
    // Of a service that is passed on.
    [[nodiscard]] StreamMetrics& streams(const std::string& name);
    void failed(HopReason reason);

    runtime::Counter& connections;
    runtime::Counter& http2_connections;
    runtime::Counter& upstream_connects;
    runtime::Counter& upstream_reuses;
    runtime::Counter& tls_handshakes;
    runtime::Counter& tls_resumptions;
    runtime::Counter& tls_failures;
    runtime::Counter& spans_dropped;

private:
    runtime::MetricWorker& worker_;
    std::unordered_map<std::string, std::unique_ptr<RequestMetrics>> services_;
    std::unordered_map<std::string, std::unique_ptr<StreamMetrics>> streams_;
};

}  // namespace hearth::proxy
