#include "proxy/core/stream_line.h"

#include "proxy/core/log_fields.h"
#include "proxy/core/written_text.h"

namespace hearth::proxy {

namespace {

constexpr std::string_view kStreamMessageId = "f1a35ad2f0c54c5f9f0f6de87a3f6e0b";

std::string_view why(const StreamRecord& record) {
    return record.close == StreamClose::kFailed ? to_string(record.reason)
                                                : to_string(record.close);
}

void append_what_happened(std::string& out, const StreamRecord& record) {
    out.append(record.client.to_string()).append(" ").append(to_string(record.kind)).append(" ");
    out.append(record.service).append(" ");
    append_number(out, record.from_client);
    out.push_back('/');
    append_number(out, record.to_client);
    out.push_back(' ');
    append_number(out, whole_microseconds(record.duration) / 1000);
    out.append("ms ");
    if (record.upstream.port != 0) out.append(record.upstream_text()).append(" ");
    out.append(why(record));
}

void append_json(std::string& out, const StreamRecord& record, WallTime when) {
    JsonFields fields(out);
    out.append("{\"time\":\"");
    append_iso_time(out, when);
    out.push_back('"');
    fields.text("stream", to_string(record.kind));
    fields.text("client", record.client.address.to_string());
    fields.number("client_port", record.client.port);
    fields.text("service", record.service);
    if (record.upstream.port != 0) fields.text("upstream", record.upstream_text());
    fields.number("request_octets", record.from_client);
    fields.number("response_octets", record.to_client);
    fields.number("duration_us", whole_microseconds(record.duration));
    fields.text("end", to_string(record.close));
    if (record.close == StreamClose::kFailed) {
        fields.text("hop", to_string(hop_of(record.reason)));
        fields.text("reason", to_string(record.reason));
    }
    out.push_back('}');
}

void append_journal(std::string& out, const StreamRecord& record) {
    JournalFields fields(out);
    const bool failed = record.close == StreamClose::kFailed;
    out.append("MESSAGE=");
    append_what_happened(out, record);
    out.push_back('\0');
    fields.number("PRIORITY", failed ? 4 : 6);
    fields.text("MESSAGE_ID", kStreamMessageId);
    fields.text("SYSLOG_IDENTIFIER", "hearth-proxy");
    fields.text("HEARTH_EVENT", "stream");
    fields.text("HEARTH_STREAM", to_string(record.kind));
    fields.text("HEARTH_SERVICE", record.service);
    fields.text("HEARTH_CLIENT", record.client.address.to_string());
    fields.number("HEARTH_CLIENT_PORT", record.client.port);
    fields.text("HEARTH_UPSTREAM", record.upstream_text());
    fields.number("HEARTH_REQUEST_OCTETS", record.from_client);
    fields.number("HEARTH_RESPONSE_OCTETS", record.to_client);
    fields.number("HEARTH_DURATION_US", whole_microseconds(record.duration));
    fields.text("HEARTH_END", to_string(record.close));
    if (failed) fields.text("HEARTH_HOP", to_string(hop_of(record.reason)));
    if (failed) fields.text("HEARTH_REASON", to_string(record.reason));
}

}  // namespace

bool append_stream_line(std::string& out, const StreamRecord& record, AccessFormat format,
                        WallTime when) {
    switch (format) {
        case AccessFormat::kOff:
        case AccessFormat::kCombined: return false;
        case AccessFormat::kText:
            append_iso_time(out, when);
            out.push_back(' ');
            append_what_happened(out, record);
            return true;
        case AccessFormat::kJson: append_json(out, record, when); return true;
        case AccessFormat::kJournal: append_journal(out, record); return true;
    }
    return false;
}

}  // namespace hearth::proxy
