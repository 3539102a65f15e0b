#include "proxy/core/url_path.h"

#include <algorithm>

namespace hearth::proxy {

namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// A "%XX" at the front of `text`, or -1.
int encoded_octet(std::string_view text) noexcept {
    if (text.size() < 3 || text[0] != '%') return -1;
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Those that mean something else when they are encoded, or nothing good when they are not.
bool stays_encoded(int octet) noexcept {
    return octet <= 0x20 || octet >= 0x7f || octet == '/' || octet == '\\' || octet == '%' ||
           octet == '?' || octet == '#' || octet == ';';
}

// Percent-encoding undone where that changes no meaning.
std::string decoded(std::string_view path, EncodedSlash slash) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    out.reserve(path.size());
    for (std::size_t i = 0; i < path.size(); ++i) {
        const int octet = encoded_octet(path.substr(i));
        const bool separates =
            slash == EncodedSlash::kSeparates && (octet == '/' || octet == '\\' || path[i] == '\\');
        if (separates) {
            out += '/';
        } else if (octet >= 0 && stays_encoded(octet)) {
            out.append({'%', kHex[static_cast<std::size_t>(octet) >> 4],
                        kHex[static_cast<std::size_t>(octet) & 15]});
        } else if (octet >= 0) {
            out += static_cast<char>(octet);
        } else if (path[i] == '%') {
            out += "%25";  // what follows must not make an escape of it
        } else {
            out += path[i];
        }
        if (octet >= 0) i += 2;
    }
    return out;
}

std::string_view path_of(std::string_view target) noexcept {
    return target.substr(0, std::min(target.find('?'), target.size()));
}

}  // namespace

std::string normalised_path(std::string_view target, EncodedSlash slash) {
    const std::string text = decoded(path_of(target), slash);
    std::string out;
    std::string_view rest = text;
    bool ends_with_slash = false;
    while (!rest.empty()) {
        const auto start = std::min(rest.find_first_not_of('/'), rest.size());
        ends_with_slash = start > 0;
        rest.remove_prefix(start);
        const auto end = std::min(rest.find('/'), rest.size());
        const std::string_view segment = rest.substr(0, end);
        rest.remove_prefix(end);
        if (segment.empty()) break;
        ends_with_slash = segment == "." || segment == "..";
        if (segment == "..") {
            out.resize(out.empty() ? 0 : out.rfind('/'));
        } else if (segment != ".") {
            out.append("/").append(segment);
        }
    }
    if (ends_with_slash || out.empty()) out += '/';
    return out;
}

bool is_at_or_under(std::string_view path, std::string_view prefix) noexcept {
    if (prefix == "/") return true;
    if (!path.starts_with(prefix)) return false;
    return path.size() == prefix.size() || path[prefix.size()] == '/';
}

std::string with_prefix_replaced(std::string_view target, std::string_view prefix,
                                 std::string_view replacement) {
    const std::string_view written = path_of(target);
    const std::string_view query = target.substr(written.size());
    const std::size_t size = prefix == "/" ? 0 : prefix.size();
    std::string out(replacement);
    if (is_at_or_under(written, prefix) &&
        normalised_path(written.substr(0, size), EncodedSlash::kStays) == prefix) {
        out.append(written.substr(size));
    } else {
        out.append(normalised_path(written, EncodedSlash::kStays).substr(size));
    }
    if (out.empty() || out.front() != '/') out.insert(0, 1, '/');
    return out.append(query);
}

}  // namespace hearth::proxy
