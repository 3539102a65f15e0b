#include "proxy/core/forwarded.h"

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

// token or quoted-string off the front of `text`; nullopt when it is neither.
std::optional<std::string_view> take_value(std::string_view& text) noexcept {
    if (!text.empty() && text.front() == '"') {
        const auto end = text.find_first_of("\"\\", 1);
        if (end == std::string_view::npos || text[end] == '\\') return std::nullopt;
        const std::string_view inside = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        return inside;
    }
    std::size_t size = 0;
    while (size < text.size() && is_of(text[size], octet_class::kToken)) ++size;
    if (size == 0) return std::nullopt;
    const std::string_view token = text.substr(0, size);
    text.remove_prefix(size);
    return token;
}

void skip_space(std::string_view& text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

bool take(std::string_view& text, char c) noexcept {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

// "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80"; else a name that hides it.
std::optional<IpAddress> node_address(std::string_view node) noexcept {
    if (!node.empty() && node.front() == '[') {
        const auto end = node.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const auto address = IpAddress::parse(node.substr(1, end - 1));
        return address && address->is_v6() ? address : std::nullopt;
    }
    const auto address = IpAddress::parse(node.substr(0, node.find(':')));
    return address && address->is_v4() ? address : std::nullopt;
}

bool take_element(std::string_view& text, ForwardedElement& element) noexcept {
    do {
        skip_space(text);
        if (text.empty() || text.front() == '"') return false;
        const auto name = take_value(text);
        if (!name || !take(text, '=')) return false;
        const auto value = take_value(text);
        if (!value) return false;
        if (equals_ignoring_case(*name, "for")) {
            element.client = node_address(*value);
        } else if (equals_ignoring_case(*name, "proto")) {
            element.proto = *value;
        } else if (equals_ignoring_case(*name, "host")) {
            element.host = *value;
        }
        skip_space(text);
    } while (take(text, ';'));
    return true;
}

}  // namespace

ForwardedChain ForwardedChain::of(const HeaderTable& headers) noexcept {
    ForwardedChain chain;
    for (const HeaderField& field : headers.fields()) {
        if (field.id != HeaderId::kForwarded) continue;
        if (!chain.add_field(field.value)) return {};
    }
    return chain;
}

bool ForwardedChain::add_field(std::string_view value) noexcept {
    do {
        if (size_ == kMost) return false;
        ForwardedElement element;
        if (!take_element(value, element)) return false;
        elements_[size_++] = element;
    } while (take(value, ','));
    return value.empty();
}

}  // namespace hearth::proxy
