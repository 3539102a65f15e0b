#include "base/proxy_protocol.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace hearth {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::size_t kFixedSize = 16;
constexpr std::uint8_t kLocal = 0x20;  // version 2, and what to do
constexpr std::uint8_t kProxy = 0x21;
constexpr std::uint8_t kUnspecified = 0x00;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;

// PROXY SP (TCP4 | TCP6) SP source SP destination SP port SP port CRLF, or PROXY UNKNOWN … CRLF
constexpr std::string_view kTextStart = "PROXY ";
constexpr std::string_view kTextOfNobody = "PROXY UNKNOWN\r\n";
constexpr std::size_t kMaxText = 107;  // with its CRLF (§2.1)

// Takes the next word off the front; words are separated by exactly one space.
std::string_view take_word(std::string_view& text) noexcept {
    const auto space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    return word;
}

void append(std::string& out, ByteView octets) { out.append(as_text(octets)); }

// IPv4 addresses as IPv4-mapped ones, for where both must be of one family.
std::array<std::uint8_t, 16> as_v6(const IpAddress& address) noexcept {
    std::array<std::uint8_t, 16> octets{};
    const ByteView bytes = address.bytes();
    std::copy(bytes.rbegin(), bytes.rend(), octets.rbegin());
    if (address.is_v4()) octets[10] = octets[11] = 0xff;
    return octets;
}

void append_be16(std::string& out, std::uint16_t value) {
    std::array<std::uint8_t, 2> octets{};
    store_be16(octets.data(), value);
    append(out, octets);
}

std::string text_header(const Endpoint& client, const Endpoint& server) {
    if (client.address.family() != server.address.family()) return std::string(kTextOfNobody);
    std::string out = client.address.is_v4() ? "PROXY TCP4 " : "PROXY TCP6 ";
    out.append(client.address.to_string()).append(" ").append(server.address.to_string());
    out.append(" ").append(std::to_string(client.port));
    out.append(" ").append(std::to_string(server.port)).append("\r\n");
    return out;
}

void start_binary_header(std::string& out, std::uint8_t command, std::uint8_t family,
                         std::uint16_t length) {
    append(out, kSignature);
    out.push_back(static_cast<char>(command));
    out.push_back(static_cast<char>(family));
    append_be16(out, length);
}

std::string binary_header(const Endpoint& client, const Endpoint& server) {
    const bool v4 = client.address.is_v4() && server.address.is_v4();
    std::string out;
    start_binary_header(out, kProxy, v4 ? kTcp4 : kTcp6, v4 ? 12 : 36);
    if (v4) {
        append(out, client.address.bytes());
        append(out, server.address.bytes());
    } else {
        append(out, as_v6(client.address));
        append(out, as_v6(server.address));
    }
    append_be16(out, client.port);
    append_be16(out, server.port);
    return out;
}

}  // namespace

ProxyHeaderReader::State ProxyHeaderReader::feed(ByteView& octets) noexcept {
    if (octets.empty()) return State::kNeedMore;
    const std::uint8_t first = size_ > 0 ? header_[0] : octets[0];
    return first == static_cast<std::uint8_t>(kTextStart[0]) ? feed_text(octets)
                                                             : feed_binary(octets);
}

ProxyHeaderReader::State ProxyHeaderReader::feed_text(ByteView& octets) noexcept {
    while (!octets.empty()) {
        const std::uint8_t octet = octets[0];
        octets = octets.subspan(1);
        if (size_ < kTextStart.size() && octet != static_cast<std::uint8_t>(kTextStart[size_]))
            return State::kBad;
        header_[size_++] = octet;
        if (octet == '\n') return finish_text();
        if (size_ == kMaxText) return State::kBad;
    }
    return State::kNeedMore;
}

ProxyHeaderReader::State ProxyHeaderReader::feed_binary(ByteView& octets) noexcept {
    while (true) {
        const std::size_t whole =
            size_ < kFixedSize ? kFixedSize : kFixedSize + load_be16(header_.data() + 14);
        if (whole > kMaxSize) return State::kBad;
        const std::size_t count = std::min(octets.size(), whole - size_);
        std::copy_n(octets.begin(), count, header_.begin() + static_cast<std::ptrdiff_t>(size_));
        octets = octets.subspan(count);
        size_ += count;
        const std::size_t signed_size = std::min(size_, kSignature.size());
        if (!std::equal(kSignature.begin(),
                        kSignature.begin() + static_cast<std::ptrdiff_t>(signed_size),
                        header_.begin()))
            return State::kBad;
        if (size_ < whole) return State::kNeedMore;
        if (size_ > kFixedSize || load_be16(header_.data() + 14) == 0) return finish_binary();
    }
}

ProxyHeaderReader::State ProxyHeaderReader::finish_text() noexcept {
    std::string_view line = as_text(ByteView(header_).first(size_));
    if (!line.ends_with("\r\n")) return State::kBad;
    line.remove_prefix(kTextStart.size());
    line.remove_suffix(2);
    const std::string_view family = take_word(line);
    if (family == "UNKNOWN") return nobody();
    if (family != "TCP4" && family != "TCP6") return State::kBad;
    const auto client = IpAddress::parse(take_word(line));
    const auto local = IpAddress::parse(take_word(line));
    const auto client_port = parse_port(take_word(line));
    const auto local_port = parse_port(line);
    if (!client || !local || !client_port || !local_port) return State::kBad;
    if (client->is_v4() != (family == "TCP4") || local->is_v4() != client->is_v4())
        return State::kBad;
    client_ = {*client, *client_port};
    local_ = *local;
    names_client_ = true;
    return State::kComplete;
}

ProxyHeaderReader::State ProxyHeaderReader::finish_binary() noexcept {
    if (header_[12] == kLocal) return nobody();
    const ByteView addresses = ByteView(header_).subspan(kFixedSize, size_ - kFixedSize);
    const bool v4 = header_[13] == kTcp4;
    const std::size_t octets = v4 ? 4 : 16;
    if (header_[12] != kProxy || (!v4 && header_[13] != kTcp6) || addresses.size() < 2 * octets + 4)
        return State::kBad;
    client_ = {IpAddress::from_bytes(addresses.first(octets)),
               load_be16(addresses.data() + 2 * octets)};
    local_ = IpAddress::from_bytes(addresses.subspan(octets, octets));
    names_client_ = true;
    return State::kComplete;
}

ProxyHeaderReader::State ProxyHeaderReader::nobody() noexcept {
    client_ = {IpAddress::v4(127, 0, 0, 1), 0};
    local_ = client_.address;
    return State::kComplete;
}

std::string proxy_header(ProxyProtocol version, const Endpoint& client, const Endpoint& server) {
    switch (version) {
        case ProxyProtocol::kNone: return {};
        case ProxyProtocol::kV1: return text_header(client, server);
        case ProxyProtocol::kV2: return binary_header(client, server);
    }
    return {};
}

std::string proxy_header_of_nobody(ProxyProtocol version) {
    std::string out;
    if (version == ProxyProtocol::kV1) out = kTextOfNobody;
    if (version == ProxyProtocol::kV2) start_binary_header(out, kLocal, kUnspecified, 0);
    return out;
}

}  // namespace hearth
