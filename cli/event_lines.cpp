#include "cli/event_lines.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <ctime>

#include "cli/daemons.h"
#include "cli/text_table.h"

namespace hearth::cli {
namespace {

namespace json = boost::json;

std::tm local_time(std::int64_t unix_ms) {
    const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
    std::tm local{};
    localtime_r(&seconds, &local);
    return local;
}

std::string clock_text(std::int64_t unix_ms) {
    const std::tm local = local_time(unix_ms);
    char text[16];
    return std::strftime(text, sizeof text, "%H:%M:%S", &local) == 0 ? "--:--:--" : text;
}

// "2026-11-20T23:40:15.123Z" to "23:40:15": what a log wrote stays in its own time.
std::string clock_of(const std::string& rfc3339) {
    return rfc3339.size() >= 19 ? rfc3339.substr(11, 8) : rfc3339;
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.resize(width, ' ');
    return text;
}

std::string plain(const json::value& value) {
    if (const auto* text = value.if_string()) return std::string(*text);
    return json::serialize(value);
}

}  // namespace

std::string moment_text(std::int64_t unix_ms) {
    const std::tm local = local_time(unix_ms);
    char text[24];
    return std::strftime(text, sizeof text, "%m-%d %H:%M:%S", &local) == 0 ? "--" : text;
}

std::string query_line(const json::value& event, const Console& console) {
    return clock_text(number_of(event, "time_ms")) + " " + query_text(event, console);
}

// What privacy withholds is "-".
std::string query_text(const json::value& event, const Console& console) {
    const auto or_dash = [](std::string text) { return text.empty() ? std::string("-") : text; };
    const auto by = text_of(event, "by");
    const auto upstream = text_of(event, "upstream");
    const auto called = text_of(event, "client_name");
    const bool is_blocked = text_of(event, "reason") == "blocked";
    const auto client = called.empty() ? or_dash(text_of(event, "client")) : called;
    std::string line = padded(client, 15) + " " + padded(text_of(event, "type"), 5) + " " +
                       or_dash(text_of(event, "name"));
    std::string outcome = " " + text_of(event, "rcode") + " " + text_of(event, "reason");
    if (flag_of(event, "stale")) outcome += " stale";
    if (!by.empty()) outcome += " (" + by + ")";
    if (!upstream.empty()) outcome += " " + upstream;
    const auto microseconds = number_of(event, "duration_us");
    if (microseconds > 0)
        outcome += " " + short_milliseconds(static_cast<double>(microseconds) / 1000);
    return printable(line) + console.ink(is_blocked ? Ink::kBad : Ink::kFaint, printable(outcome));
}

namespace {

std::string stream_line(const json::value& event, const Console& console) {
    const auto reason = text_of(event, "reason");
    const auto upstream = text_of(event, "upstream");
    std::string line = clock_of(text_of(event, "time")) + " " +
                       padded(text_of(event, "client"), 15) + " " + text_of(event, "stream") + " " +
                       text_of(event, "service");
    std::string outcome =
        " " + std::to_string(number_of(event, "request_octets")) + "/" +
        std::to_string(number_of(event, "response_octets")) + " octets " +
        short_milliseconds(static_cast<double>(number_of(event, "duration_us")) / 1000);
    if (!upstream.empty()) outcome += " " + upstream;
    outcome += " " + (reason.empty() ? text_of(event, "end") : reason);
    return printable(line) +
           console.ink(reason.empty() ? Ink::kFaint : Ink::kBad, printable(outcome));
}

}  // namespace

std::string request_line(const json::value& event, const Console& console) {
    if (!text_of(event, "stream").empty()) return stream_line(event, console);
    const auto status = number_of(event, "status");
    const auto reason = text_of(event, "reason");
    const auto upstream = text_of(event, "upstream");
    std::string line = clock_of(text_of(event, "time")) + " " +
                       padded(text_of(event, "client"), 15) + " " + text_of(event, "method") + " " +
                       text_of(event, "host") + text_of(event, "target");
    std::string outcome =
        " " + std::to_string(status) + " " +
        short_milliseconds(static_cast<double>(number_of(event, "duration_us")) / 1000);
    if (!upstream.empty()) outcome += " " + upstream;
    if (!reason.empty()) outcome += " " + reason;
    const Ink ink = status >= 500 || status == 0 ? Ink::kBad
                    : status >= 400              ? Ink::kWarn
                                                 : Ink::kFaint;
    return printable(line) + console.ink(ink, printable(outcome));
}

std::string log_line(const json::value& event, const Console& console) {
    const auto level = text_of(event, "level");
    std::string line =
        clock_of(text_of(event, "time")) + " " + padded(text_of(event, "service"), 12) + " ";
    std::string rest;
    if (const auto* object = event.if_object()) {
        for (const auto& [key, value] : *object) {
            const std::string name(key);
            if (name == "time" || name == "level" || name == "service" || name == "event") continue;
            rest += " " + name + "=" + plain(value);
        }
    }
    const Ink ink = level == "error" ? Ink::kBad : level == "warn" ? Ink::kWarn : Ink::kPlain;
    return printable(line) +
           console.ink(ink, printable(padded(level, 5) + " " + text_of(event, "event"))) +
           printable(rest);
}

}  // namespace hearth::cli
