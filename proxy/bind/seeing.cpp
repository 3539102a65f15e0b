#include "proxy/bind/seeing.h"

#include <chrono>
#include <utility>

#include "proxy/core/trace_context.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/problems.h"

namespace hearth::proxy {

void Seeing::adopt(AccessFormat format, const SpanCollector& collector, const std::string& node) {
    if (format != AccessFormat::kOff && !writer_) writer_ = std::make_unique<AccessWriter>();
    const bool is_new = collector != std::exchange(collector_, collector);
    if (collector.text.empty()) problems_.clear("spans_not_taken");
    if (!collector.text.empty() && !exporter_) {
        exporter_ = std::make_unique<SpanExporter>(
            SpanResource{node, HEARTH_VERSION},
            [this](UpstreamAsk ask) {
                loop_.post([this, ask = std::move(ask)]() mutable { ask_(std::move(ask)); });
            },
            [this](const std::string& fault) {
                loop_.post([this, fault] {
                    if (fault.empty() || collector_.text.empty())
                        return problems_.clear("spans_not_taken");
                    problems_.raise("spans_not_taken",
                                    collector_.text + ": " + fault +
                                        " (start the collector, or correct proxy.tracing.otlp)");
                });
            });
    }
    if (is_new) point_exporter();
}

void Seeing::set_addresses(std::shared_ptr<const HostAddresses> addresses) {
    addresses_ = std::move(addresses);
    point_exporter();
}

void Seeing::point_exporter() {
    if (!exporter_) return;
    std::optional<Endpoint> endpoint;
    if (collector_.address) {
        endpoint = Endpoint{*collector_.address, collector_.port};
    } else if (const auto found = addresses_->find(collector_.host);
               found != addresses_->end() && !found->second.empty()) {
        endpoint = Endpoint{found->second.front(), collector_.port};
    }
    SpanDestination to{endpoint, nullptr, collector_.host + ":" + std::to_string(collector_.port),
                       collector_.path};
    if (collector_.security)
        to.security = std::make_shared<const UpstreamSecurity>(*collector_.security);
    exporter_->send_to(std::move(to));
}

void Seeing::access(std::string lines, AccessFormat format) {
    writer_->write(std::move(lines), format);
}

void Seeing::spans(std::string spans, std::size_t count) {
    exporter_->add(std::move(spans), count);
}

void Seeing::failures(std::vector<FailedRequest> failed, std::size_t more) {
    loop_.post([this, failed = std::move(failed), more] { tell(failed, more); });
}

void Seeing::tell(const std::vector<FailedRequest>& failed, std::size_t more) {
    const TimePoint now = std::chrono::steady_clock::now();
    untold_ += more;
    for (const FailedRequest& one : failed) {
        const auto left_out = sampler_.ask(one.service, one.error.reason, now);
        if (!left_out) continue;
        std::string id;
        append_hex(id, one.trace);
        log::warn("request_failed", {{"service", one.service},
                                     {"host", one.host},
                                     {"upstream", one.upstream},
                                     {"hop", to_string(hop_of(one.error.reason))},
                                     {"reason", to_string(one.error.reason)},
                                     {"detail", describe(one.error.refusal)},
                                     {"status", one.status},
                                     {"trace_id", id},
                                     {"left_out", *left_out + std::exchange(untold_, 0)}});
    }
}

void Seeing::collect(runtime::MetricSink& sink) const {
    if (writer_) {
        sink.counter("hearth_proxy_access_log_dropped_bytes_total",
                     "Octets of the access log that nobody took in time.", {},
                     static_cast<double>(writer_->dropped_octets()));
    }
    if (!exporter_) return;
    sink.counter("hearth_proxy_spans_sent_total", "Spans that the collector took.", {},
                 static_cast<double>(exporter_->sent()));
    sink.counter("hearth_proxy_spans_refused_total",
                 "Spans that waited too long for the collector, or that it refused.", {},
                 static_cast<double>(exporter_->dropped()));
}

}  // namespace hearth::proxy
