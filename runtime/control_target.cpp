#include "runtime/control_target.h"

#include <cctype>

namespace hearth::runtime {

namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

}  // namespace

std::optional<ControlTarget> parse_control_target(std::string_view target) {
    if (target.empty() || target.front() != '/') return std::nullopt;
    ControlTarget out;
    const std::size_t mark = target.find('?');
    auto path = percent_decode(target.substr(0, mark));
    if (!path) return std::nullopt;
    out.path = std::move(*path);
    std::string_view rest = mark == std::string_view::npos ? "" : target.substr(mark + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        auto key = percent_decode(pair.substr(0, equals));
        auto value =
            percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
        if (!key || !value) return std::nullopt;
        out.query.insert_or_assign(std::move(*key), std::move(*value));
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    constexpr std::string_view kUnreserved = "-._~";
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if ((octet < 0x80 && std::isalnum(octet) != 0) ||
            kUnreserved.find(c) != std::string_view::npos) {
            out += c;
        } else {
            out += '%';
            out += kHex[octet >> 4U];
            out += kHex[octet & 0xfU];
        }
    }
    return out;
}

}  // namespace hearth::runtime
