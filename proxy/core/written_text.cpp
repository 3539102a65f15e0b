#include "proxy/core/written_text.h"

#include <array>
#include <charconv>
#include <chrono>

namespace hearth::proxy {

namespace {

void append_escaped(std::string& out, std::string_view text, std::string_view before_hex) {
    constexpr std::string_view kHex = "0123456789abcdef";
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.append({'\\', c});
        } else if (octet < 0x20 || octet >= 0x7f) {
            out.append(before_hex).append({kHex[octet >> 4], kHex[octet & 15]});
        } else {
            out.push_back(c);
        }
    }
}

}  // namespace

void append_number(std::string& out, std::uint64_t number, std::size_t digits) {
    std::array<char, 20> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    const auto size = static_cast<std::size_t>(end - text.data());
    if (size < digits) out.append(digits - size, '0');
    out.append(text.data(), size);
}

void append_json_escaped(std::string& out, std::string_view text) {
    append_escaped(out, text, "\\u00");
}

void append_json_quoted(std::string& out, std::string_view text) {
    out.push_back('"');
    append_json_escaped(out, text);
    out.push_back('"');
}

void append_log_escaped(std::string& out, std::string_view text) {
    append_escaped(out, text, "\\x");
}

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

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

}  // namespace

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

}  // namespace hearth::proxy
