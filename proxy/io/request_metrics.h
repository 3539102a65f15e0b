#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "proxy/model/access_record.h"
#include "proxy/model/hop_error.h"
#include "proxy/model/message.h"

namespace hearth::runtime {
class Counter;
class Histogram;
class MetricWorker;
}  // namespace hearth::runtime

namespace hearth::proxy {

struct StreamMetrics;
// One upstream's counters on one worker.
class UpstreamMetrics {
public:
    UpstreamMetrics(runtime::MetricWorker& worker, std::string service, std::string upstream);

    // `duration`: from the question to the end of the answer.
    void finished(int status, const HopError& error, Duration duration);

private:
    static constexpr std::size_t kClasses = 6;

    runtime::MetricWorker& worker_;
    std::string service_;
    std::string upstream_;
    std::array<runtime::Counter*, kClasses> by_class_{};  // made when first needed
    runtime::Histogram& duration_;
};

// One service's counters on one worker.
class RequestMetrics {
public:
    RequestMetrics(runtime::MetricWorker& worker, std::string service);

    void finished(const AccessRecord& record);

private:
    // An upstream may answer with any code: what is beyond these is counted as code="other".
    static constexpr std::size_t kMostCells = 96;

    struct Cell {
        Method method;
        int status;
        runtime::Counter* counter;
    };

    [[nodiscard]] runtime::Counter& cell(Method method, int status);

    runtime::MetricWorker& worker_;
    std::string service_;
    std::vector<Cell> cells_;  // a service answers with few combinations
    runtime::Histogram& duration_;
    std::array<runtime::Counter*, kVersionCount> by_version_{};
    runtime::Counter& request_octets_;
    runtime::Counter& response_octets_;
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
    // `upstream`: as the document has it.
    [[nodiscard]] UpstreamMetrics& upstream(const std::string& service,
                                            const std::string& upstream);
    void failed(HopReason reason);

    runtime::Counter& connections;
    runtime::Counter& http2_connections;
    runtime::Counter& upstream_connects;
    runtime::Counter& upstream_reuses;
    runtime::Counter& upstream_hand_overs;
    runtime::Counter& tls_handshakes;
    runtime::Counter& tls_resumptions;
    runtime::Counter& tls_failures;
    runtime::Counter& spans_dropped;

private:
    runtime::MetricWorker& worker_;
    std::unordered_map<std::string, std::unique_ptr<RequestMetrics>> services_;
    std::unordered_map<std::string, std::unique_ptr<StreamMetrics>> streams_;
    std::map<std::pair<std::string, std::string>, std::unique_ptr<UpstreamMetrics>> upstreams_;
};

}  // namespace hearth::proxy
