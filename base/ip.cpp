#include "base/ip.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace hearth {
namespace {

// Decimal digits, 0..limit, without sign, space or leading zero.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned limit) noexcept {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > limit)
        return std::nullopt;
    return value;
}

bool parse_v4(std::string_view text, std::uint8_t* out) noexcept {
    for (int i = 0; i < 4; ++i) {
        const auto dot = text.find('.');
        if ((dot == std::string_view::npos) != (i == 3)) return false;
        const auto octet = parse_decimal(text.substr(0, dot), 255);
        if (!octet) return false;
        out[i] = static_cast<std::uint8_t>(*octet);
        if (i < 3) text.remove_prefix(dot + 1);
    }
    return true;
}

// One run of ':'-separated groups, the last of which may be a dotted quad.
// Returns the number of octets written, or -1.
int parse_v6_groups(std::string_view text, std::uint8_t* out, int capacity) noexcept {
    int size = 0;
    while (!text.empty()) {
        const auto colon = text.find(':');
        const auto group = text.substr(0, colon);
        if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
            if (size + 4 > capacity || !parse_v4(group, out + size)) return -1;
            return size + 4;
        }
        unsigned value = 0;
        if (group.empty() || group.size() > 4 || size + 2 > capacity) return -1;
        const auto [end, error] =
            std::from_chars(group.data(), group.data() + group.size(), value, 16);
        if (error != std::errc{} || end != group.data() + group.size()) return -1;
        store_be16(out + size, static_cast<std::uint16_t>(value));
        size += 2;
        if (colon == std::string_view::npos) break;
        text.remove_prefix(colon + 1);
        if (text.empty()) return -1;
    }
    return size;
}

bool parse_v6(std::string_view text, std::uint8_t* out) noexcept {
    const auto gap = text.find("::");
    if (gap == std::string_view::npos) return parse_v6_groups(text, out, 16) == 16;
    if (text.substr(0, gap).find('.') != std::string_view::npos) return false;
    std::array<std::uint8_t, 16> tail{};
    const int head_size = parse_v6_groups(text.substr(0, gap), out, 14);
    const int tail_size = parse_v6_groups(text.substr(gap + 2), tail.data(), 14);
    if (head_size < 0 || tail_size < 0 || head_size + tail_size > 14) return false;
    std::memcpy(out + 16 - tail_size, tail.data(), static_cast<std::size_t>(tail_size));
    return true;
}

void mask_octets(std::uint8_t* octets, int bits, int length, std::uint8_t fill) noexcept {
    for (int i = 0; i < bits / 8; ++i) {
        const int keep = std::clamp(length - i * 8, 0, 8);
        const auto mask = static_cast<std::uint8_t>(0xff00 >> keep);
        octets[i] = static_cast<std::uint8_t>((octets[i] & mask) |
                                              (fill & static_cast<std::uint8_t>(~mask)));
    }
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) noexcept {
    IpAddress a;
    store_be32(a.octets_.data(), host_order);
    return a;
}

IpAddress IpAddress::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept {
    return v4(std::uint32_t{a} << 24 | std::uint32_t{b} << 16 | std::uint32_t{c} << 8 | d);
}

IpAddress IpAddress::from_bytes(ByteView octets) noexcept {
    static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    IpAddress a;
    if (octets.size() == 4) {
        std::memcpy(a.octets_.data(), octets.data(), 4);
    } else if (octets.size() == 16) {
        if (std::memcmp(octets.data(), kMapped, 12) == 0) return from_bytes(octets.subspan(12));
        a.family_ = IpFamily::kV6;
        std::memcpy(a.octets_.data(), octets.data(), 16);
    }
    return a;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
    std::array<std::uint8_t, 16> octets{};
    if (text.find(':') == std::string_view::npos) {
        if (!parse_v4(text, octets.data())) return std::nullopt;
        return from_bytes(ByteView{octets.data(), 4});
    }
    if (!parse_v6(text, octets.data())) return std::nullopt;
    return from_bytes(octets);
}

bool IpAddress::is_unspecified() const noexcept {
    return std::all_of(octets_.begin(), octets_.end(), [](std::uint8_t o) { return o == 0; });
}

bool IpAddress::is_loopback() const noexcept {
    if (is_v4()) return octets_[0] == 127;
    return octets_[15] == 1 &&
           std::all_of(octets_.begin(), octets_.end() - 1, [](std::uint8_t o) { return o == 0; });
}

bool IpAddress::is_multicast() const noexcept {
    return is_v4() ? (octets_[0] & 0xf0) == 0xe0 : octets_[0] == 0xff;
}

bool IpAddress::is_link_local() const noexcept {
    return is_v4() ? octets_[0] == 169 && octets_[1] == 254
                   : octets_[0] == 0xfe && (octets_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_private() const noexcept {
    if (is_v6()) return (octets_[0] & 0xfe) == 0xfc;
    return octets_[0] == 10 || (octets_[0] == 172 && (octets_[1] & 0xf0) == 16) ||
           (octets_[0] == 192 && octets_[1] == 168);
}

std::string IpAddress::to_string() const {
    std::string text;
    if (is_v4()) {
        for (std::size_t i = 0; i < 4; ++i) {
            if (i > 0) text.push_back('.');
            text += std::to_string(octets_[i]);
        }
        return text;
    }
    // RFC 5952: the longest run of at least two zero groups becomes "::", the first of equals.
    int best = -1;
    int best_length = 1;
    for (int i = 0; i < 8; ++i) {
        int j = i;
        while (j < 8 && load_be16(&octets_[static_cast<std::size_t>(j) * 2]) == 0) ++j;
        if (j - i > best_length) {
            best = i;
            best_length = j - i;
        }
        if (j > i) i = j;
    }
    for (int i = 0; i < 8; ++i) {
        if (i == best) {
            text += "::";
            i += best_length - 1;
            continue;
        }
        if (!text.empty() && text.back() != ':') text.push_back(':');
        char group[4];
        const auto end = std::to_chars(group, group + 4,
                                       load_be16(&octets_[static_cast<std::size_t>(i) * 2]), 16);
        text.append(group, end.ptr);
    }
    return text;
}

std::string IpAddress::reverse_name() const {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string text;
    const auto octets = bytes();
    for (std::size_t i = octets.size(); i-- > 0;) {
        if (is_v4()) {
            text += std::to_string(octets[i]) + ".";
        } else {
            text.push_back(kHex[octets[i] & 15]);
            text.push_back('.');
            text.push_back(kHex[octets[i] >> 4]);
            text.push_back('.');
        }
    }
    return text + (is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

IpPrefix::IpPrefix(IpAddress address, int length) noexcept
    : length_(std::clamp(length, 0, address.bit_length())) {
    std::array<std::uint8_t, 16> octets{};
    const auto bytes = address.bytes();
    std::copy(bytes.begin(), bytes.end(), octets.begin());
    mask_octets(octets.data(), address.bit_length(), length_, 0);
    address_ = IpAddress::from_bytes(ByteView{octets.data(), bytes.size()});
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) noexcept {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == std::string_view::npos) return IpPrefix(*address, address->bit_length());
    const auto length =
        parse_decimal(text.substr(slash + 1), static_cast<unsigned>(address->bit_length()));
    if (!length) return std::nullopt;
    const IpPrefix prefix(*address, static_cast<int>(*length));
    if (prefix.address() != *address) return std::nullopt;
    return prefix;
}

bool IpPrefix::contains(const IpAddress& address) const noexcept {
    if (address.family() != address_.family()) return false;
    const auto ours = address_.bytes();
    const auto theirs = address.bytes();
    const auto whole = static_cast<std::size_t>(length_ / 8);
    if (std::memcmp(ours.data(), theirs.data(), whole) != 0) return false;
    if (length_ % 8 == 0) return true;
    const int shift = 8 - length_ % 8;
    return ours[whole] >> shift == theirs[whole] >> shift;
}

bool IpPrefix::overlaps(const IpPrefix& other) const noexcept {
    return contains(other.address_) || other.contains(address_);
}

IpAddress IpPrefix::last() const noexcept {
    std::array<std::uint8_t, 16> octets{};
    const auto bytes = address_.bytes();
    std::copy(bytes.begin(), bytes.end(), octets.begin());
    mask_octets(octets.data(), address_.bit_length(), length_, 0xff);
    return IpAddress::from_bytes(ByteView{octets.data(), bytes.size()});
}

std::string IpPrefix::to_string() const {
    return address_.to_string() + "/" + std::to_string(length_);
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    const auto value = parse_decimal(text, 65535);
    if (!value || *value == 0) return std::nullopt;
    return static_cast<std::uint16_t>(*value);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text,
                                        std::uint16_t default_port) noexcept {
    if (default_port != 0) {
        if (const auto bare = IpAddress::parse(text)) return Endpoint{*bare, default_port};
    }
    std::string_view host = text;
    std::optional<std::uint16_t> port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        host = text.substr(1, close - 1);
        const auto rest = text.substr(close + 1);
        if (host.find(':') == std::string_view::npos) return std::nullopt;
        if (rest.empty() && default_port != 0) port = default_port;
        if (rest.starts_with(':')) port = parse_port(rest.substr(1));
    } else {
        const auto colon = text.rfind(':');
        if (colon == std::string_view::npos) return std::nullopt;
        host = text.substr(0, colon);
        if (host.find(':') != std::string_view::npos) return std::nullopt;
        port = parse_port(text.substr(colon + 1));
    }
    const auto address = IpAddress::parse(host);
    if (!address || !port) return std::nullopt;
    return Endpoint{*address, *port};
}

std::string Endpoint::to_string() const {
    const auto host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return host + ":" + std::to_string(port);
}

}  // namespace hearth
