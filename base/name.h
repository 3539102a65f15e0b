#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace hearth {

// A domain name in lower-cased, uncompressed wire form (RFC 1035 §3.1: at most
// 255 octets, labels of at most 63), ended by the root label. Case is folded for
// ASCII only (RFC 4343). A value type without allocation: it may live on the
// DNS fast path.
class Name {
public:
    static constexpr std::size_t kMaxWire = 255;
    static constexpr std::size_t kMaxLabel = 63;

    Name() noexcept { wire_[0] = 0; }  // the root

    // Presentation form, with or without the final dot. Understands \DDD and \X
    // (RFC 1035 §5.1). "." and "" are the root. nullopt: empty label, label or name too
    // long, bad escape.
    [[nodiscard]] static std::optional<Name> parse(std::string_view text) noexcept;

    // Uncompressed wire form that ends exactly at the root label; folds case.
    [[nodiscard]] static std::optional<Name> from_wire(ByteView wire) noexcept;
    // The same in place, for paths on which a copy counts; false leaves the root.
    [[nodiscard]] bool assign_wire(ByteView wire) noexcept;

    [[nodiscard]] ByteView wire() const noexcept { return {wire_.data(), size_}; }
    [[nodiscard]] bool is_root() const noexcept { return size_ == 1; }
    [[nodiscard]] int label_count() const noexcept;  // without the root: "a.b" has 2

    // "immich.home"; "." for the root. Octets outside printable ASCII, dots and
    // backslashes are escaped.
    [[nodiscard]] std::string to_string() const;

    // True for the name itself and everything under it.
    [[nodiscard]] bool is_at_or_under(const Name& ancestor) const noexcept;
    // The name without its leftmost label; the root is its own parent.
    [[nodiscard]] Name parent() const noexcept;
    // The leftmost label's octets (a view into this object); empty for the root.
    [[nodiscard]] std::string_view first_label() const noexcept;
    // `label`.this, or nullopt when it would not fit.
    [[nodiscard]] std::optional<Name> child(std::string_view label) const noexcept;
    // This name's labels in front of `suffix`, or nullopt when too long.
    [[nodiscard]] std::optional<Name> append(const Name& suffix) const noexcept;

    friend bool operator==(const Name& a, const Name& b) noexcept {
        return a.size_ == b.size_ && as_text(a.wire()) == as_text(b.wire());
    }
    // Octet order of the wire form: a total order for containers, not the canonical
    // order of RFC 4034 §6.1.
    friend std::strong_ordering operator<=>(const Name& a, const Name& b) noexcept {
        return as_text(a.wire()) <=> as_text(b.wire());
    }

private:
    std::uint8_t size_ = 1;
    std::array<std::uint8_t, kMaxWire> wire_;  // bytes past size_ are never read
};

// A host name as people may use it for services, nodes and aliases: letters,
// digits and inner hyphens, at most 63 octets (RFC 1123 §2.1), no dot.
[[nodiscard]] bool is_host_label(std::string_view text) noexcept;

}  // namespace hearth

template <>
struct std::hash<hearth::Name> {
    std::size_t operator()(const hearth::Name& name) const noexcept {
        return std::hash<std::string_view>{}(hearth::as_text(name.wire()));
    }
};
