#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "proxy/core/written_text.h"

// Fields of a line of the access log, appended to the line.
namespace hearth::proxy {

[[nodiscard]] inline std::uint64_t whole_microseconds(Duration duration) noexcept {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

// Members of a JSON object, after its first.
class JsonFields {
public:
    explicit JsonFields(std::string& out) noexcept : out_(out) {}
    void text(std::string_view key, std::string_view value) {
        name(key);
        append_json_quoted(out_, value);
    }
    void number(std::string_view key, std::uint64_t value) {
        name(key);
        append_number(out_, value);
    }

private:
    void name(std::string_view key) { out_.append(",\"").append(key).append("\":"); }
    std::string& out_;
};

// Fields as systemd.journal-fields(7) has them, each ended by a NUL octet, which no value has: what
// HTTP lets through has none, and the rest is escaped.
class JournalFields {
public:
    explicit JournalFields(std::string& out) noexcept : out_(out) {}
    // Nothing for an empty one.
    void text(std::string_view name, std::string_view value) {
        if (value.empty()) return;
        out_.append(name).append("=");
        append_log_escaped(out_, value);
        out_.push_back('\0');
    }
    void number(std::string_view name, std::uint64_t value) {
        out_.append(name).append("=");
        append_number(out_, value);
        out_.push_back('\0');
    }

private:
    std::string& out_;
};

}  // namespace hearth::proxy
