#include "proxy/core/access_line.h"

#include "proxy/core/log_fields.h"
#include "proxy/core/redaction.h"
#include "proxy/core/trace_context.h"
#include "proxy/core/written_text.h"

namespace hearth::proxy {

namespace {

constexpr int kNobody = 499;  // nginx's word for a client that left before its answer
constexpr std::string_view kRequestMessageId = "6f4743b8bc5b4eb28103fd9ed892855f";

// What of a record stands in more than one form.
class Told {
public:
    explicit Told(const AccessRecord& record)
        : target(without_secrets(record.target.view(), target_space_)),
          referer(without_secrets(record.referer.view(), referer_space_)) {}
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;

private:
    std::string target_space_;
    std::string referer_space_;

public:
    const std::string_view target;
    const std::string_view referer;
};

std::string_view method_of(const AccessRecord& record) {
    const std::string_view text = record.method_text.view();
    return text.empty() ? to_string(record.method) : text;
}

void append_json(std::string& out, const AccessRecord& record, WallTime when) {
    const Told told(record);
    JsonFields fields(out);
    out.append("{\"time\":\"");
    append_iso_time(out, when);
    out.push_back('"');
    if (record.trace.is_set()) {
        out.append(",\"trace_id\":\"");
        append_hex(out, record.trace);
        out.push_back('"');
    }
    fields.text("client", record.client.to_string());
    fields.text("method", method_of(record));
    fields.text("protocol", to_string(record.version));
    fields.text("host", record.host.view());
    fields.text("target", told.target);
    fields.number("status", static_cast<std::uint64_t>(record.status));
    fields.number("request_octets", record.request_octets);
    fields.number("response_octets", record.response_octets);
    fields.number("duration_us", whole_microseconds(record.duration));
    if (!record.service.empty()) fields.text("service", record.service);
    if (record.upstream.port != 0) fields.text("upstream", record.upstream_text());
    if (record.error.failed()) {
        fields.text("hop", to_string(hop_of(record.error.reason)));
        fields.text("reason", to_string(record.error.reason));
        if (record.error.refusal != Refusal::kNone)
            fields.text("detail", describe(record.error.refusal));
    }
    if (!told.referer.empty()) fields.text("referer", told.referer);
    if (!record.user_agent.view().empty()) fields.text("user_agent", record.user_agent.view());
    out.push_back('}');
}

void append_request(std::string& out, const AccessRecord& record, std::string_view target) {
    out.append("\"");
    append_log_escaped(out, method_of(record));
    out.push_back(' ');
    append_log_escaped(out, target);
    out.append(" ").append(to_string(record.version)).append("\"");
}

void append_combined(std::string& out, const AccessRecord& record, WallTime when) {
    const Told told(record);
    const auto quoted = [&out](std::string_view text) {
        out.append(" \"");
        append_log_escaped(out, text.empty() ? "-" : text);
        out.push_back('"');
    };
    out.append(record.client.to_string()).append(" - - [");
    append_apache_time(out, when);
    out.append("] ");
    append_request(out, record, told.target.empty() ? "-" : told.target);
    out.push_back(' ');
    append_number(out, static_cast<std::uint64_t>(record.status != 0 ? record.status : kNobody));
    out.push_back(' ');
    append_number(out, record.response_octets);
    quoted(told.referer);
    quoted(record.user_agent.view());
}

void append_what_happened(std::string& out, const AccessRecord& record, const Told& told) {
    out.append(record.client.to_string()).append(" ");
    append_log_escaped(out, record.host.view());
    out.push_back(' ');
    append_request(out, record, told.target);
    out.push_back(' ');
    append_number(out, static_cast<std::uint64_t>(record.status));
    out.push_back(' ');
    append_number(out, record.response_octets);
    out.push_back(' ');
    append_number(out, whole_microseconds(record.duration) / 1000);
    out.append("ms");
    if (record.upstream.port != 0) out.append(" ").append(record.upstream_text());
    if (record.error.failed()) out.append(" ").append(to_string(record.error.reason));
}

void append_text(std::string& out, const AccessRecord& record, WallTime when) {
    append_iso_time(out, when);
    out.push_back(' ');
    append_what_happened(out, record, Told(record));
    if (!record.trace.is_set()) return;
    out.append(" trace=");
    append_hex(out, record.trace);
}

void append_journal(std::string& out, const AccessRecord& record) {
    const Told told(record);
    JournalFields fields(out);
    out.append("MESSAGE=");
    append_what_happened(out, record, told);
    out.push_back('\0');
    fields.number("PRIORITY", record.status >= 500 ? 4 : 6);
    fields.text("MESSAGE_ID", kRequestMessageId);
    fields.text("SYSLOG_IDENTIFIER", "hearth-proxy");
    fields.text("HEARTH_EVENT", "request");
    fields.text("HEARTH_SERVICE", record.service);
    fields.text("HEARTH_CLIENT", record.client.to_string());
    fields.text("HEARTH_METHOD", method_of(record));
    fields.text("HEARTH_PROTOCOL", to_string(record.version));
    fields.text("HEARTH_HOST", record.host.view());
    fields.text("HEARTH_TARGET", told.target);
    fields.number("HEARTH_STATUS", static_cast<std::uint64_t>(record.status));
    fields.number("HEARTH_REQUEST_OCTETS", record.request_octets);
    fields.number("HEARTH_RESPONSE_OCTETS", record.response_octets);
    fields.number("HEARTH_DURATION_US", whole_microseconds(record.duration));
    fields.text("HEARTH_UPSTREAM", record.upstream_text());
    fields.text("HEARTH_REFERER", told.referer);
    fields.text("HEARTH_USER_AGENT", record.user_agent.view());
    if (record.error.failed()) {
        fields.text("HEARTH_HOP", to_string(hop_of(record.error.reason)));
        fields.text("HEARTH_REASON", to_string(record.error.reason));
    }
    if (!record.trace.is_set()) return;
    out.append("TRACE_ID=");
    append_hex(out, record.trace);
    out.push_back('\0');
}

}  // namespace

void append_access_line(std::string& out, const AccessRecord& record, AccessFormat format,
                        WallTime when) {
    switch (format) {
        case AccessFormat::kOff: return;
        case AccessFormat::kText: return append_text(out, record, when);
        case AccessFormat::kJson: return append_json(out, record, when);
        case AccessFormat::kCombined: return append_combined(out, record, when);
        case AccessFormat::kJournal: return append_journal(out, record);
    }
}

}  // namespace hearth::proxy
