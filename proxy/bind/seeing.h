#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/core/failure_sampler.h"
#include "proxy/io/access_writer.h"
#include "proxy/io/name_resolver.h"
#include "proxy/io/span_exporter.h"
#include "proxy/model/failed_request.h"
#include "proxy/model/span_collector.h"

namespace hearth::runtime {
class EventLoop;
class MetricSink;
class Problems;
}  // namespace hearth::runtime

namespace hearth::proxy {

// What workers have seen on its way out: the access log, spans, failures. On the control thread but
// for what says otherwise; what nobody wants has no thread.
class Seeing {
public:
    // `ask`, on the control thread: has a worker ask an upstream.
    Seeing(runtime::EventLoop& loop, runtime::Problems& problems,
           std::function<void(UpstreamAsk)> ask)
        : loop_(loop), problems_(problems), ask_(std::move(ask)) {}

    void adopt(AccessFormat format, const SpanCollector& collector, const std::string& node);
    void set_addresses(std::shared_ptr<const HostAddresses> addresses);
    void collect(runtime::MetricSink& sink) const;

    // Workers.
    void access(std::string lines, AccessFormat format);
    void spans(std::string spans, std::size_t count);
    void failures(std::vector<FailedRequest> failed, std::size_t more);

private:
    void point_exporter();
    void tell(const std::vector<FailedRequest>& failed, std::size_t more);

    runtime::EventLoop& loop_;
    runtime::Problems& problems_;
    std::function<void(UpstreamAsk)> ask_;
    std::unique_ptr<AccessWriter> writer_;  // made when first asked for, and so is …
    std::unique_ptr<SpanExporter> exporter_;
    SpanCollector collector_;
    std::shared_ptr<const HostAddresses> addresses_ = std::make_shared<HostAddresses>();
    FailureSampler sampler_;
    std::size_t untold_ = 0;  // failures that workers had no room for
};

}  // namespace hearth::proxy
