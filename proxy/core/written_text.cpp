#include "proxy/core/written_text.h"

#include <array>
#include <charconv>

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

}  // namespace hearth::proxy
