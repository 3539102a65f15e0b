#include "runtime/log_render.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace hearth::log {

namespace {

std::string rfc3339(WallTime now) {
    const auto ms = now.time_since_epoch().count();
    const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 48> text{};
    const std::size_t n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text.data() + n, text.size() - n, ".%03dZ", static_cast<int>(ms % 1000));
    return text.data();
}

template <class T>
void append_number(std::string& out, T value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

// The length of the valid UTF-8 sequence at text[i], or 0 (RFC 3629: no overlong forms, no
// surrogates).
std::size_t utf8_length(std::string_view text, std::size_t i) {
    const auto at = [&](std::size_t k) {
        return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U;
    };
    const auto continues = [&](std::size_t k) { return (at(k) & 0xc0U) == 0x80U; };
    const unsigned c = at(i);
    const unsigned next = at(i + 1);
    if (c < 0x80) return 1;
    if (c >= 0xc2 && c <= 0xdf && continues(i + 1)) return 2;
    if (c >= 0xe0 && c <= 0xef && continues(i + 1) && continues(i + 2)) {
        const bool overlong = c == 0xe0 && next < 0xa0;
        const bool surrogate = c == 0xed && next > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (c >= 0xf0 && c <= 0xf4 && continues(i + 1) && continues(i + 2) && continues(i + 3)) {
        const bool overlong = c == 0xf0 && next < 0x90;
        const bool beyond = c == 0xf4 && next > 0x8f;
        return overlong || beyond ? 0 : 4;
    }
    return 0;
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
            ++i;
        } else if (c == '\n') {
            out += "\\n";
            ++i;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
            out += escape.data();
            ++i;
        } else if (const std::size_t n = utf8_length(text, i); n > 0) {
            out.append(text.substr(i, n));
            i += n;
        } else {
            out += "\xef\xbf\xbd";
            ++i;
        }
    }
    out += '"';
}

// Bare when it reads back as one word, else quoted as JSON does it.
void append_word(std::string& out, std::string_view text) {
    bool plain = !text.empty();
    for (const char c : text) {
        plain = plain && c > 0x20 && c < 0x7f && c != '"' && c != '=' && c != '\\';
    }
    if (plain) {
        out += text;
    } else {
        append_json_string(out, text);
    }
}

enum class Quoting : std::uint8_t { kWord, kJson, kRaw };

void append_value(std::string& out, const Value& value, Quoting quoting) {
    std::visit(
        [&](const auto& v) {
            using T = std::decay_t<decltype(v)>;
            if constexpr (std::is_same_v<T, bool>) {
                out += v ? "true" : "false";
            } else if constexpr (!std::is_same_v<T, std::string_view>) {
                append_number(out, v);
            } else if (quoting == Quoting::kWord) {
                append_word(out, v);
            } else if (quoting == Quoting::kJson) {
                append_json_string(out, v);
            } else {
                for (const char c : v) out += c == '\0' ? ' ' : c;
            }
        },
        value.get());
}

void append_event(std::string& out, std::string_view event, Fields fields) {
    out += event;
    for (const Field& field : fields) {
        out += ' ';
        out += field.key;
        out += '=';
        append_value(out, field.value, Quoting::kWord);
    }
}

int syslog_priority(Level level) {
    switch (level) {
        case Level::kDebug: return 7;
        case Level::kInfo: return 6;
        case Level::kWarn: return 4;
        case Level::kError: return 3;
    }
    return 6;
}

std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

}  // namespace

std::string render_text(WallTime now, Level level, std::string_view event, Fields fields) {
    std::string out = rfc3339(now);
    out += ' ';
    out += to_string(level);
    out += ' ';
    append_event(out, event, fields);
    return out;
}

std::string render_json(WallTime now, Level level, std::string_view service, std::string_view event,
                        Fields fields) {
    std::string out = "{\"time\":\"" + rfc3339(now) + "\",\"level\":\"";
    out += to_string(level);
    out += "\",\"service\":";
    append_json_string(out, service);
    out += ",\"event\":";
    append_json_string(out, event);
    for (const Field& field : fields) {
        out += ',';
        append_json_string(out, field.key);
        out += ':';
        append_value(out, field.value, Quoting::kJson);
    }
    out += '}';
    return out;
}

std::string render_journal(Level level, std::string_view service, std::string_view event,
                           Fields fields) {
    std::string out = "MESSAGE=";
    append_event(out, event, fields);
    out += '\0';
    out += "PRIORITY=" + std::to_string(syslog_priority(level)) + '\0';
    out += "MESSAGE_ID=" + message_id(event) + '\0';
    out += "SYSLOG_IDENTIFIER=" + std::string(service) + '\0';
    out += "HEARTH_EVENT=" + std::string(event) + '\0';
    for (const Field& field : fields) {
        // Other programs look for a trace by this name.
        if (field.key != "trace_id") out += "HEARTH_";
        for (const char c : field.key) {
            const bool alnum = std::isalnum(static_cast<unsigned char>(c)) != 0;
            out += alnum ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : '_';
        }
        out += '=';
        append_value(out, field.value, Quoting::kRaw);
        out += '\0';
    }
    return out;
}

std::string message_id(std::string_view event) {
    const std::uint64_t high = fnv1a(event, 0xcbf29ce484222325U);
    const std::uint64_t low = fnv1a(event, high ^ 0x6865617274680000U);
    std::array<char, 33> text{};
    std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(high),
                  static_cast<unsigned long long>(low));
    return text.data();
}

}  // namespace hearth::log
