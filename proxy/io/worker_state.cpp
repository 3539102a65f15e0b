#include "proxy/io/worker_state.h"

#include <chrono>
#include <random>

#include "proxy/core/stream_line.h"
#include "runtime/metrics.h"

namespace hearth::proxy {

namespace {
constexpr std::size_t kSpareActives = 128;
constexpr std::size_t kMaxFailures = 32;          // per tick
constexpr std::size_t kMaxSpanOctets = 1U << 20;  // per tick
constexpr std::size_t kMaxAccessEvents = 512;     // per tick; followers see a sample under load
}  // namespace

std::shared_ptr<const UpstreamSecurity> ServiceState::security_of(const Endpoint& endpoint) const {
    for (const auto& [known, security] : securities) {
        if (known == endpoint) return security;
    }
    return nullptr;
}

void ServiceState::count_answer(const AccessRecord& record, Duration duration) const {
    for (const auto& [endpoint, upstream] : upstream_metrics) {
        if (endpoint == record.upstream)
            return upstream->finished(record.status, record.error, duration);
    }
}

void ActiveExchange::recycle() noexcept {
    parser.reset();
    client_in.compact();
    request_head.release();
    upstream_in.release();
    response_head.release();
    generation.reset();
    service = nullptr;
    connected = watched = false;
    tried_count = 0;
    client_key = sticky_token = 0;
    more_fields.clear();
    coding = ContentCoding::kNone;
    tags_asked_with.clear();
    coder.reset();
    auth = {};
    running.end();
    admitted = queued = false;
    page_left.clear();
    trace.server_span = 0;
    trace.attempts = 0;
    route = {};
    record.trace = {};
    record.method = Method::kOther;
    record.method_text.clear();
    record.host.clear();
    record.target.clear();
    record.referer.clear();
    record.user_agent.clear();
    record.service = {};
    record.upstream = {};
    record.upstream_socket = {};
    record.status = 0;
    record.error = {};
    record.request_octets = record.response_octets = 0;
}

void ActiveExchange::release_empty_buffers() noexcept {
    if (client_in.empty() && exchange.to_upstream().empty()) client_in.release();
    if (upstream_in.empty() && exchange.to_client().empty()) {
        upstream_in.release();
        response_head.release();
    }
    if (exchange.response_started() && exchange.to_upstream().empty()) request_head.release();
}

std::unique_ptr<ActiveExchange> WorkerState::take_active() {
    if (spare_.empty()) return std::make_unique<ActiveExchange>(blocks);
    std::unique_ptr<ActiveExchange> active = std::move(spare_.back());
    spare_.pop_back();
    return active;
}

void WorkerState::give_back(std::unique_ptr<ActiveExchange> active) noexcept {
    active->client_in.release();
    active->recycle();
    if (spare_.size() < kSpareActives) spare_.push_back(std::move(active));
}

void WorkerState::log_access(const AccessRecord& record) {
    const auto when =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    if (access_format != AccessFormat::kOff) {
        append_access_line(access_lines, record, access_format, when);
        access_lines.push_back(end_of_line(access_format));
    }
    if (access_followed && access_events.size() < kMaxAccessEvents) {
        append_access_line(access_events.emplace_back(), record, AccessFormat::kJson, when);
    }
}

void WorkerState::log_stream(const StreamRecord& record) {
    if (!logs_access()) return;
    const auto when =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    if (append_stream_line(access_lines, record, access_format, when))
        access_lines.push_back(end_of_line(access_format));
    if (access_followed && access_events.size() < kMaxAccessEvents)
        append_stream_line(access_events.emplace_back(), record, AccessFormat::kJson, when);
}

// What people of the house can do something about.
void WorkerState::note_failure(const AccessRecord& record) {
    if (hop_of(record.error.reason) != Hop::kUpstream && record.status < 500) return;
    if (failures.size() == kMaxFailures) {
        ++more_failures;
        return;
    }
    failures.push_back({record.trace, std::string(record.service), std::string(record.host.view()),
                        record.upstream_text(), record.error, record.status});
}

void WorkerState::keep_spans(const AccessRecord& record, const RequestTrace& trace,
                             SpanContext context) {
    if (spans.size() > kMaxSpanOctets) {
        metrics.spans_dropped.add();
        return;
    }
    context.ended = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    span_count += append_spans(spans, record, trace, context);
}

std::uint64_t WorkerState::random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

}  // namespace hearth::proxy
