#include "proxy/core/stream_line.h"

#include <chrono>

#include "proxy/core/written_text.h"

namespace hearth::proxy {

namespace {

constexpr std::string_view kStreamMessageId = "f1a35ad2f0c54c5f9f0f6de87a3f6e0b";

std::uint64_t microseconds(Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

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
    append_number(out, microseconds(record.duration) / 1000);
    out.append("ms ");
    if (record.upstream.port != 0) out.append(record.upstream_text()).append(" ");
    out.append(why(record));
}

void append_json(std::string& out, const StreamRecord& record, WallTime when) {
    const auto text = [&out](std::string_view key, std::string_view value) {
        out.append(",\"").append(key).append("\":");
        append_json_quoted(out, value);
    };
    const auto number = [&out](std::string_view key, std::uint64_t value) {
        out.append(",\"").append(key).append("\":");
        append_number(out, value);
    };
    out.append("{\"time\":\"");
    append_iso_time(out, when);
    out.push_back('"');
    text("stream", to_string(record.kind));
    text("client", record.client.address.to_string());
    number("client_port", record.client.port);
    text("service", record.service);
    if (record.upstream.port != 0) text("upstream", record.upstream_text());
    number("request_octets", record.from_client);
    number("response_octets", record.to_client);
    number("duration_us", microseconds(record.duration));
    text("end", to_string(record.close));
    if (record.close == StreamClose::kFailed) {
        text("hop", to_string(hop_of(record.reason)));
        text("reason", to_string(record.reason));
    }
    out.push_back('}');
}

// As append_access_line() has them.
void append_journal(std::string& out, const StreamRecord& record) {
    const auto text = [&out](std::string_view name, std::string_view value) {
        if (!value.empty()) out.append(name).append("=").append(value).push_back('\0');
    };
    const auto number = [&out](std::string_view name, std::uint64_t value) {
        out.append(name).append("=");
        append_number(out, value);
        out.push_back('\0');
    };
    const bool failed = record.close == StreamClose::kFailed;
    out.append("MESSAGE=");
    append_what_happened(out, record);
    out.push_back('\0');
    number("PRIORITY", failed ? 4 : 6);
    text("MESSAGE_ID", kStreamMessageId);
    text("SYSLOG_IDENTIFIER", "hearth-proxy");
    text("HEARTH_EVENT", "stream");
    text("HEARTH_STREAM", to_string(record.kind));
    text("HEARTH_SERVICE", record.service);
    text("HEARTH_CLIENT", record.client.address.to_string());
    number("HEARTH_CLIENT_PORT", record.client.port);
    text("HEARTH_UPSTREAM", record.upstream_text());
    number("HEARTH_REQUEST_OCTETS", record.from_client);
    number("HEARTH_RESPONSE_OCTETS", record.to_client);
    number("HEARTH_DURATION_US", microseconds(record.duration));
    text("HEARTH_END", to_string(record.close));
    if (failed) text("HEARTH_HOP", to_string(hop_of(record.reason)));
    if (failed) text("HEARTH_REASON", to_string(record.reason));
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
