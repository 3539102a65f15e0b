#include "proxy/core/otlp_spans.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "proxy/core/authority.h"
#include "proxy/core/redaction.h"
#include "proxy/core/trace_context.h"
#include "proxy/core/written_text.h"

namespace hearth::proxy {

namespace {

constexpr int kServer = 2;  // SpanKind
constexpr int kClient = 3;
constexpr int kError = 2;  // Status

enum class Outcome : std::uint8_t { kUnset, kFailed };

// One object after the other; numbers of 64 bits are text in this JSON.
class SpanWriter {
public:
    explicit SpanWriter(std::string& out) : out_(out) {}

    void begin(const TraceId& trace, std::uint64_t span, std::uint64_t parent) {
        out_.append("{\"traceId\":\"");
        append_hex(out_, trace);
        out_.append("\",\"spanId\":\"");
        append_hex(out_, span);
        if (parent != 0) {
            out_.append("\",\"parentSpanId\":\"");
            append_hex(out_, parent);
        }
        out_.append("\",\"flags\":1");
    }
    void what(std::string_view method, std::string_view route, int kind) {
        out_.append(",\"name\":\"");
        append_json_escaped(out_, method);
        if (!route.empty()) out_.push_back(' ');
        append_json_escaped(out_, route);
        out_.append("\",\"kind\":");
        append_number(out_, static_cast<std::uint64_t>(kind));
    }
    void when(std::chrono::nanoseconds begin, std::chrono::nanoseconds end) {
        out_.append(",\"startTimeUnixNano\":\"");
        append_number(out_, static_cast<std::uint64_t>(begin.count()));
        out_.append("\",\"endTimeUnixNano\":\"");
        append_number(out_, static_cast<std::uint64_t>(end.count()));
        out_.append("\",\"attributes\":[");
    }
    void text(std::string_view key, std::string_view value) {
        if (value.empty()) return;
        open_attribute(key);
        out_.append("\"stringValue\":");
        append_json_quoted(out_, value);
        out_.append("}}");
    }
    void number(std::string_view key, std::uint64_t value) {
        open_attribute(key);
        out_.append("\"intValue\":\"");
        append_number(out_, value);
        out_.append("\"}}");
    }
    void end(Outcome outcome) {
        out_.push_back(']');
        if (outcome == Outcome::kFailed) {
            out_.append(",\"status\":{\"code\":");
            append_number(out_, kError);
            out_.push_back('}');
        }
        out_.append("},");
    }

private:
    void open_attribute(std::string_view key) {
        if (out_.back() != '[') out_.push_back(',');
        out_.append("{\"key\":\"").append(key).append("\",\"value\":{");
    }

    std::string& out_;
};

struct Times {
    std::chrono::nanoseconds end;
    std::chrono::nanoseconds begin;
    std::chrono::nanoseconds asked;  // the upstream

    Times(const AccessRecord& record, const RequestTrace& trace, WallTime ended)
        : end(ended.time_since_epoch()),
          begin(end - record.duration),
          asked(begin + std::max(trace.asked_upstream - record.began, Duration{})) {}
};

// `failed_from`: the status that is an error at this end.
void tell_outcome(SpanWriter& out, const AccessRecord& record, int failed_from) {
    if (record.status != 0)
        out.number("http.response.status_code", static_cast<std::uint64_t>(record.status));
    if (record.error.failed()) {
        out.text("error.type", to_string(record.error.reason));
        out.text("hearth.hop", to_string(hop_of(record.error.reason)));
    } else if (record.status >= failed_from) {
        out.text("error.type", std::to_string(record.status));
    }
    const bool failed = record.status == 0 || record.status >= failed_from;
    out.end(failed ? Outcome::kFailed : Outcome::kUnset);
}

std::string_view version_number(Version version) {
    switch (version) {
        case Version::kHttp10: return "1.0";
        case Version::kHttp11: return "1.1";
        case Version::kHttp2: return "2";
    }
    return "1.1";
}

void tell_server(SpanWriter& out, const AccessRecord& record, std::string_view scheme) {
    std::string space;
    const std::string_view target = without_secrets(record.target.view(), space);
    const std::size_t query = std::min(target.find('?'), target.size());
    out.text("url.scheme", scheme);
    out.text("url.path", target.substr(0, query));
    out.text("url.query", target.substr(std::min(query + 1, target.size())));
    out.text("server.address", host_of(record.host.view()));
    out.text("client.address", record.client.to_string());
    out.text("network.protocol.name", "http");
    out.text("network.protocol.version", version_number(record.version));
    out.text("user_agent.original", record.user_agent.view());
    out.text("hearth.service", record.service);
    out.number("http.request.body.size", record.request_octets);
    out.number("http.response.body.size", record.response_octets);
}

// The upstream was asked, whatever came of it.
void append_question(SpanWriter& out, const AccessRecord& record, const RequestTrace& trace,
                     std::string_view method, const Times& times) {
    out.begin(trace.context.trace, trace.context.span, trace.server_span);
    out.what(method, {}, kClient);
    out.when(times.asked, times.end);
    out.text("http.request.method", method);
    if (record.upstream_socket.empty()) {
        out.text("server.address", record.upstream.address.to_string());
        out.number("server.port", record.upstream.port);
    } else {
        out.text("server.address", record.upstream_socket);
        out.text("network.transport", "unix");
    }
    out.text("hearth.service", record.service);
    if (trace.attempts > 1) out.number("http.request.resend_count", trace.attempts - 1);
    if (record.error.failed() && hop_of(record.error.reason) == Hop::kUpstream) {
        out.text("error.type", to_string(record.error.reason));
        return out.end(Outcome::kFailed);
    }
    if (record.error.failed()) return out.end(Outcome::kUnset);
    tell_outcome(out, record, 400);
}

}  // namespace

std::size_t append_spans(std::string& out, const AccessRecord& record, const RequestTrace& trace,
                         const SpanContext& context) {
    const std::string_view written = record.method_text.view();
    const bool is_known = record.method != Method::kOther;
    const std::string_view method = is_known ? to_string(record.method) : "_OTHER";
    const Times times(record, trace, context.ended);
    SpanWriter writer(out);
    writer.begin(trace.context.trace, trace.server_span, trace.parent_span);
    writer.what(is_known ? method : "HTTP", context.route, kServer);
    writer.when(times.begin, times.end);
    writer.text("http.request.method", method);
    if (!is_known) writer.text("http.request.method_original", written);
    writer.text("http.route", context.route);
    tell_server(writer, record, context.scheme);
    tell_outcome(writer, record, 500);
    if (trace.attempts == 0) return 1;
    append_question(writer, record, trace, method, times);
    return 2;
}

std::string spans_message(const SpanResource& resource, std::string_view spans) {
    if (spans.ends_with(',')) spans.remove_suffix(1);
    std::string out = "{\"resourceSpans\":[{\"resource\":{\"attributes\":[";
    SpanWriter writer(out);
    writer.text("service.name", "hearth-proxy");
    writer.text("service.version", resource.version);
    writer.text("host.name", resource.node);
    out.append("]},\"scopeSpans\":[{\"scope\":{\"name\":\"hearth-proxy\"},\"spans\":[");
    out.append(spans).append("]}]}]}");
    return out;
}

}  // namespace hearth::proxy
