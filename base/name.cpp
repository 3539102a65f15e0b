#include "base/name.h"

#include <algorithm>
#include <cstring>

namespace hearth {
namespace {

std::uint8_t fold(std::uint8_t c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + 32) : c;
}

// Eight octets at once.
std::uint64_t fold(std::uint64_t word) noexcept {
    constexpr std::uint64_t kEach = 0x0101010101010101;
    const std::uint64_t low = word & 0x7f * kEach;
    const std::uint64_t from_a = low + (0x80 - 'A') * kEach;
    const std::uint64_t above_z = low + (0x7f - 'Z') * kEach;
    const std::uint64_t upper = (from_a ^ above_z) & ~word & 0x80 * kEach;
    return word | upper >> 2;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Takes one character, or one escape, off the front of `text`.
std::optional<std::uint8_t> take_octet(std::string_view& text) noexcept {
    if (text[0] != '\\') {
        const auto octet = static_cast<std::uint8_t>(text[0]);
        text.remove_prefix(1);
        return octet;
    }
    if (text.size() < 2) return std::nullopt;
    if (!is_digit(text[1])) {
        const auto octet = static_cast<std::uint8_t>(text[1]);
        text.remove_prefix(2);
        return octet;
    }
    if (text.size() < 4 || !is_digit(text[2]) || !is_digit(text[3])) return std::nullopt;
    const int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
    if (value > 255) return std::nullopt;
    text.remove_prefix(4);
    return static_cast<std::uint8_t>(value);
}

}  // namespace

std::optional<Name> Name::parse(std::string_view text) noexcept {
    Name name;
    if (text.empty() || text == ".") return name;
    std::size_t label_at = 0;
    std::size_t size = 1;
    while (!text.empty()) {
        if (text[0] == '.') {
            const std::size_t length = size - label_at - 1;
            if (length == 0) return std::nullopt;
            name.wire_[label_at] = static_cast<std::uint8_t>(length);
            text.remove_prefix(1);
            if (text.empty()) break;
            label_at = size++;
            continue;
        }
        const auto octet = take_octet(text);
        // One octet is kept back for the root label.
        if (!octet || size - label_at - 1 == kMaxLabel || size + 1 >= kMaxWire) return std::nullopt;
        name.wire_[size++] = fold(*octet);
    }
    const std::size_t length = size - label_at - 1;
    if (length == 0) return std::nullopt;
    name.wire_[label_at] = static_cast<std::uint8_t>(length);
    name.wire_[size++] = 0;
    name.size_ = static_cast<std::uint8_t>(size);
    return name;
}

std::optional<Name> Name::from_wire(ByteView wire) noexcept {
    std::optional<Name> name(std::in_place);
    if (!name->assign_wire(wire)) name.reset();
    return name;
}

bool Name::assign_wire(ByteView wire) noexcept {
    size_ = 1;
    wire_[0] = 0;
    if (wire.empty() || wire.size() > kMaxWire) return false;
    std::size_t at = 0;
    while (wire[at] != 0) {
        if (wire[at] > kMaxLabel) return false;
        at += wire[at] + 1U;
        if (at >= wire.size()) return false;
    }
    if (at + 1 != wire.size()) return false;
    size_ = static_cast<std::uint8_t>(wire.size());
    // Length octets are below 'A', so folding them changes nothing.
    std::size_t i = 0;
    for (; i + 8 <= wire.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, wire.data() + i, 8);
        word = fold(word);
        std::memcpy(wire_.data() + i, &word, 8);
    }
    for (; i < wire.size(); ++i) wire_[i] = fold(wire[i]);
    return true;
}

int Name::label_count() const noexcept {
    int count = 0;
    for (std::size_t at = 0; wire_[at] != 0; at += wire_[at] + 1U) ++count;
    return count;
}

std::string Name::to_string() const {
    if (is_root()) return ".";
    std::string text;
    text.reserve(size_);
    for (std::size_t at = 0; wire_[at] != 0; at += wire_[at] + 1U) {
        if (at > 0) text.push_back('.');
        for (std::size_t i = at + 1; i <= at + wire_[at]; ++i) {
            const char c = static_cast<char>(wire_[i]);
            if (c == '.' || c == '\\') {
                text.push_back('\\');
                text.push_back(c);
            } else if (c > 0x20 && c < 0x7f) {
                text.push_back(c);
            } else {
                text.push_back('\\');
                text.push_back(static_cast<char>('0' + wire_[i] / 100));
                text.push_back(static_cast<char>('0' + wire_[i] / 10 % 10));
                text.push_back(static_cast<char>('0' + wire_[i] % 10));
            }
        }
    }
    return text;
}

bool Name::is_at_or_under(const Name& ancestor) const noexcept {
    std::size_t at = 0;
    while (size_ - at > ancestor.size_) at += wire_[at] + 1U;
    return size_ - at == ancestor.size_ &&
           std::memcmp(wire_.data() + at, ancestor.wire_.data(), ancestor.size_) == 0;
}

Name Name::parent() const noexcept {
    if (is_root()) return *this;
    Name name;
    const std::size_t skip = wire_[0] + 1U;
    std::memcpy(name.wire_.data(), wire_.data() + skip, size_ - skip);
    name.size_ = static_cast<std::uint8_t>(size_ - skip);
    return name;
}

std::string_view Name::first_label() const noexcept {
    return as_text({wire_.data() + 1, wire_[0]});
}

std::optional<Name> Name::child(std::string_view label) const noexcept {
    if (label.empty() || label.size() > kMaxLabel || size_ + label.size() + 1 > kMaxWire)
        return std::nullopt;
    Name name;
    name.wire_[0] = static_cast<std::uint8_t>(label.size());
    std::transform(label.begin(), label.end(), name.wire_.begin() + 1,
                   [](char c) { return fold(static_cast<std::uint8_t>(c)); });
    std::memcpy(name.wire_.data() + 1 + label.size(), wire_.data(), size_);
    name.size_ = static_cast<std::uint8_t>(size_ + label.size() + 1);
    return name;
}

std::optional<Name> Name::append(const Name& suffix) const noexcept {
    const std::size_t total = size_ - 1U + suffix.size_;
    if (total > kMaxWire) return std::nullopt;
    Name name;
    std::memcpy(name.wire_.data(), wire_.data(), size_ - 1U);
    std::memcpy(name.wire_.data() + size_ - 1U, suffix.wire_.data(), suffix.size_);
    name.size_ = static_cast<std::uint8_t>(total);
    return name;
}

bool is_host_label(std::string_view text) noexcept {
    if (text.empty() || text.size() > Name::kMaxLabel) return false;
    if (text.front() == '-' || text.back() == '-') return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    });
}

}  // namespace hearth
