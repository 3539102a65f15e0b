#include "proxy/core/basic_credentials.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::size_t kLongest = 1024;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// RFC 4648 §4; padding may be left out, as it is by some clients.
std::optional<std::string> from_base64(std::string_view text) {
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const auto value = kAlphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out.push_back(static_cast<char>(bits >> count & 0xff));
    }
    return out;
}

}  // namespace

std::optional<Credentials> basic_credentials(std::string_view authorization) {
    const auto space = authorization.find(' ');
    if (authorization.size() > kLongest || space == std::string_view::npos) return std::nullopt;
    if (!equals_ignoring_case(authorization.substr(0, space), "basic")) return std::nullopt;
    const auto text = from_base64(trimmed(authorization.substr(space)));
    if (!text) return std::nullopt;
    const auto colon = text->find(':');
    const bool has_control = std::any_of(text->begin(), text->end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (colon == std::string::npos || has_control) return std::nullopt;
    return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace hearth::proxy
