#include "proxy/core/access_line.h"

#include <array>
#include <charconv>
#include <chrono>

namespace hearth::proxy {

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void append_number(std::string& out, std::uint64_t number, std::size_t digits = 1) {
    std::array<char, 20> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    const auto size = static_cast<std::size_t>(end - text.data());
    if (size < digits) out.append(digits - size, '0');
    out.append(text.data(), size);
}

// Safe inside double quotes, in JSON as well as in a log line.
void append_escaped(std::string& out, std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.append({'\\', c});
        } else if (octet < 0x20 || octet >= 0x7f) {
            out.append("\\u00").append({kHex[octet >> 4], kHex[octet & 15]});
        } else {
            out.push_back(c);
        }
    }
}

void append_quoted(std::string& out, std::string_view text) {
    out.push_back('"');
    append_escaped(out, text);
    out.push_back('"');
}

struct Calendar {
    std::chrono::year_month_day day;
    std::chrono::hh_mm_ss<std::chrono::milliseconds> time;

    explicit Calendar(WallTime when)
        : day(std::chrono::floor<std::chrono::days>(when)),
          time(when - std::chrono::floor<std::chrono::days>(when)) {}
};

void append_clock(std::string& out, const Calendar& c) {
    append_number(out, static_cast<std::uint64_t>(c.time.hours().count()), 2);
    out.push_back(':');
    append_number(out, static_cast<std::uint64_t>(c.time.minutes().count()), 2);
    out.push_back(':');
    append_number(out, static_cast<std::uint64_t>(c.time.seconds().count()), 2);
}

void append_iso_time(std::string& out, WallTime when) {
    const Calendar c(when);
    append_number(out, static_cast<std::uint64_t>(static_cast<int>(c.day.year())), 4);
    out.push_back('-');
    append_number(out, static_cast<unsigned>(c.day.month()), 2);
    out.push_back('-');
    append_number(out, static_cast<unsigned>(c.day.day()), 2);
    out.push_back('T');
    append_clock(out, c);
    out.push_back('.');
    append_number(out, static_cast<std::uint64_t>(c.time.subseconds().count()), 3);
    out.push_back('Z');
}

void append_apache_time(std::string& out, WallTime when) {
    const Calendar c(when);
    append_number(out, static_cast<unsigned>(c.day.day()), 2);
    out.append("/").append(kMonths[static_cast<unsigned>(c.day.month()) - 1]).append("/");
    append_number(out, static_cast<std::uint64_t>(static_cast<int>(c.day.year())), 4);
    out.push_back(':');
    append_clock(out, c);
    out.append(" +0000");
}

std::uint64_t microseconds(Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

void append_json(std::string& out, const AccessRecord& record, WallTime when) {
    const auto text = [&out](std::string_view key, std::string_view value) {
        out.append(",\"").append(key).append("\":");
        append_quoted(out, value);
    };
    const auto number = [&out](std::string_view key, std::uint64_t value) {
        out.append(",\"").append(key).append("\":");
        append_number(out, value);
    };
    out.append("{\"time\":\"");
    append_iso_time(out, when);
    out.push_back('"');
    text("client", record.client.to_string());
    text("method", to_string(record.method));
    text("host", record.host.view());
    text("target", record.target.view());
    number("status", static_cast<std::uint64_t>(record.status));
    number("request_octets", record.request_octets);
    number("response_octets", record.response_octets);
    number("duration_us", microseconds(record.duration));
    if (!record.service.empty()) text("service", record.service);
    if (record.upstream.port != 0) text("upstream", record.upstream_text());
    if (record.error.failed()) {
        text("hop", to_string(hop_of(record.error.reason)));
        text("reason", to_string(record.error.reason));
        if (record.error.refusal != Refusal::kNone) text("detail", describe(record.error.refusal));
    }
    if (!record.user_agent.view().empty()) text("user_agent", record.user_agent.view());
    out.push_back('}');
}

void append_request(std::string& out, const AccessRecord& record) {
    out.append("\"").append(to_string(record.method)).append(" ");
    append_escaped(out, record.target.view());
    out.append(" ").append(to_string(record.version)).append("\"");
}

void append_combined(std::string& out, const AccessRecord& record, WallTime when) {
    const auto or_dash = [](std::string_view text) { return text.empty() ? "-" : text; };
    out.append(record.client.to_string()).append(" - - [");
    append_apache_time(out, when);
    out.append("] ");
    append_request(out, record);
    out.push_back(' ');
    append_number(out, static_cast<std::uint64_t>(record.status));
    out.push_back(' ');
    append_number(out, record.response_octets);
    out.push_back(' ');
    append_quoted(out, or_dash(record.referer.view()));
    out.push_back(' ');
    append_quoted(out, or_dash(record.user_agent.view()));
}

void append_text(std::string& out, const AccessRecord& record, WallTime when) {
    append_iso_time(out, when);
    out.append(" ").append(record.client.to_string()).append(" ");
    append_escaped(out, record.host.view());
    out.push_back(' ');
    append_request(out, record);
    out.push_back(' ');
    append_number(out, static_cast<std::uint64_t>(record.status));
    out.push_back(' ');
    append_number(out, record.response_octets);
    out.push_back(' ');
    append_number(out, microseconds(record.duration) / 1000);
    out.append("ms");
    if (record.upstream.port != 0) out.append(" ").append(record.upstream_text());
    if (record.error.failed()) out.append(" ").append(to_string(record.error.reason));
}

}  // namespace

void append_access_line(std::string& out, const AccessRecord& record, AccessFormat format,
                        WallTime when) {
    switch (format) {
        case AccessFormat::kOff: return;
        case AccessFormat::kText: return append_text(out, record, when);
        case AccessFormat::kJson: return append_json(out, record, when);
        case AccessFormat::kCombined: return append_combined(out, record, when);
    }
}

}  // namespace hearth::proxy
