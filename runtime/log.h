#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

// Structured log: one event is a stable name and key=value pairs.
//
//     log::warn("vip_conflict", {{"vip", vip.name}, {"mac", mac.to_string()}, {"seen", 3}});
//
// Names are snake_case and never change meaning; text for people goes into a field. Only io,
// bind, runtime and main log. A level that is off costs one relaxed load (and the building of
// the arguments: guard dear ones with enabled()).
//
// Every function may be called from any thread. Writing never waits for the reader of
// stderr or for journald: when 1,024 events are waiting the oldest is dropped.
namespace hearth::log {

enum class Level : std::uint8_t {
    kDebug,
    kInfo,
    kWarn,   // an operator must act
    kError,  // something asked for is not being done
};

enum class Format : std::uint8_t {
    kText,     // stderr: time, level, event key=value
    kJson,     // stderr: one object a line
    kJournal,  // journald with MESSAGE_ID (derived from the event's name), PRIORITY, HEARTH_<KEY>
};

[[nodiscard]] std::string_view to_string(Level level) noexcept;
[[nodiscard]] std::optional<Level> parse_level(std::string_view text) noexcept;
[[nodiscard]] std::optional<Format> parse_format(std::string_view text) noexcept;

// A field's value. Text is a view: it must live until the logging call returns.
class Value {
public:
    template <std::signed_integral T>
    Value(T v) noexcept : value_(static_cast<std::int64_t>(v)) {}
    template <std::unsigned_integral T>
    Value(T v) noexcept : value_(static_cast<std::uint64_t>(v)) {}
    Value(bool v) noexcept : value_(v) {}
    Value(double v) noexcept : value_(v) {}
    Value(const char* v) noexcept : value_(std::string_view(v)) {}
    Value(std::string_view v) noexcept : value_(v) {}
    Value(const std::string& v) noexcept : value_(std::string_view(v)) {}

    using Variant = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;
    [[nodiscard]] const Variant& get() const noexcept { return value_; }

private:
    Variant value_;
};

struct Field {
    std::string_view key;
    Value value;
};
using Fields = std::initializer_list<Field>;

[[nodiscard]] bool enabled(Level level) noexcept;
void write(Level level, std::string_view event, Fields fields);

inline void debug(std::string_view event, Fields fields = {}) {
    if (enabled(Level::kDebug)) write(Level::kDebug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) {
    if (enabled(Level::kInfo)) write(Level::kInfo, event, fields);
}
inline void warn(std::string_view event, Fields fields = {}) {
    if (enabled(Level::kWarn)) write(Level::kWarn, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
    if (enabled(Level::kError)) write(Level::kError, event, fields);
}

struct Options {
    Format format = Format::kText;
    Level level = Level::kInfo;
    std::string service;  // "hearth-dns"; SYSLOG_IDENTIFIER and "service" in JSON
};

// Before open() and after close() events go to stderr as text, written by the caller. open() starts
// the writer thread; close() writes what is waiting and ends it. Called by runtime/daemon.
void open(const Options& options);
void close();
void set_level(Level level) noexcept;
// Events lost since open() because the writer could not keep up.
[[nodiscard]] std::uint64_t dropped();

// Gives each written event as one JSON object (no newline) to `sink`, on the thread that logs; it
// must not log and must not block. An empty function ends it.
void set_subscriber(std::function<void(std::string_view json)> sink);

}  // namespace hearth::log
