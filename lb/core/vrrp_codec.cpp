#include "lb/core/vrrp_codec.h"

#include <algorithm>

namespace hearth::lb {
namespace {

constexpr std::size_t kIpHeader = 20;
constexpr std::size_t kVrrpHeader = 8;
constexpr std::uint8_t kVersion3Advert = 3 << 4 | 1;
constexpr std::uint8_t kTtl = 255;
constexpr std::uint8_t kInternetworkControl = 0xc0;  // RFC 9568 leaves TOS open; routers send this

// Sum of 16-bit words (RFC 1071), not yet folded. An odd octet at the end is padded.
std::uint32_t sum_words(ByteView bytes, std::uint32_t sum) noexcept {
    std::size_t i = 0;
    for (; i + 1 < bytes.size(); i += 2) sum += load_be16(bytes.data() + i);
    if (i < bytes.size()) sum += std::uint32_t{bytes[i]} << 8;
    return sum;
}

std::uint16_t fold(std::uint32_t sum) noexcept {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

std::uint32_t pseudo_header_sum(IpAddress source, IpAddress destination,
                                std::size_t length) noexcept {
    const std::uint32_t s = source.v4_value();
    const std::uint32_t d = destination.v4_value();
    return (s >> 16) + (s & 0xffff) + (d >> 16) + (d & 0xffff) + kVrrpProtocol +
           static_cast<std::uint32_t>(length);
}

// The IPv4 header's facts, and the payload without Ethernet padding.
struct Ipv4 {
    IpAddress source;
    IpAddress destination;
    std::uint8_t ttl = 0;
    ByteView payload;
};

tl::expected<Ipv4, Drop> parse_ipv4(ByteView packet) noexcept {
    if (packet.size() < kIpHeader) return tl::unexpected(Drop::kTruncated);
    if (packet[0] >> 4 != 4) return tl::unexpected(Drop::kNotVrrp);
    const std::size_t header = std::size_t{packet[0]} % 16 * 4;
    const std::size_t total = load_be16(packet.data() + 2);
    if (header < kIpHeader || total < header || packet.size() < total)
        return tl::unexpected(Drop::kTruncated);
    constexpr std::uint16_t kMoreFragmentsOrOffset = 0x3fff;
    if ((load_be16(packet.data() + 6) & kMoreFragmentsOrOffset) != 0 || packet[9] != kVrrpProtocol)
        return tl::unexpected(Drop::kNotVrrp);
    if (fold(sum_words(packet.first(header), 0)) != 0xffff)
        return tl::unexpected(Drop::kBadChecksum);
    return Ipv4{IpAddress::from_bytes(packet.subspan(12, 4)),
                IpAddress::from_bytes(packet.subspan(16, 4)), packet[8],
                packet.subspan(header, total - header)};
}

bool checksum_holds(const Ipv4& ip) noexcept {
    const std::uint32_t plain = sum_words(ip.payload, 0);
    return fold(plain) == 0xffff ||
           fold(plain + pseudo_header_sum(ip.source, ip.destination, ip.payload.size())) == 0xffff;
}

}  // namespace

tl::expected<Advert, Drop> parse_advert(ByteView packet) noexcept {
    const auto ip = parse_ipv4(packet);
    if (!ip) return tl::unexpected(ip.error());
    if (ip->ttl != kTtl) return tl::unexpected(Drop::kBadTtl);
    if (ip->payload.size() < kVrrpHeader) return tl::unexpected(Drop::kTruncated);
    ByteReader in(ip->payload);
    if (in.u8() != kVersion3Advert) return tl::unexpected(Drop::kBadVersion);
    Advert advert;
    advert.source = ip->source;
    advert.destination = ip->destination;
    advert.vrid = in.u8();
    advert.priority = in.u8();
    const std::size_t count = in.u8();
    advert.interval = (in.u16() & 0x0fff) * kCentisecond;
    in.skip(2);
    advert.addresses = in.bytes(count * 4);
    if (in.failed()) return tl::unexpected(Drop::kTruncated);
    if (in.remaining() != 0) return tl::unexpected(Drop::kTrailingBytes);
    if (!checksum_holds(*ip)) return tl::unexpected(Drop::kBadChecksum);
    if (advert.interval == Duration{}) return tl::unexpected(Drop::kBadInterval);
    return advert;
}

bool same_addresses(const Advert& advert, std::span<const IpAddress> expected) noexcept {
    if (advert.address_count() != expected.size()) return false;
    return std::all_of(expected.begin(), expected.end(), [&](const IpAddress& address) {
        for (std::size_t i = 0; i < advert.addresses.size(); i += 4) {
            if (load_be32(advert.addresses.data() + i) == address.v4_value()) return true;
        }
        return false;
    });
}

std::vector<std::uint8_t> write_advert(const AdvertToSend& advert) {
    const std::size_t vrrp_size = kVrrpHeader + advert.addresses.size() * 4;
    std::vector<std::uint8_t> packet(kIpHeader + vrrp_size);
    ByteWriter out(packet);
    out.u8(4 << 4 | 5);
    out.u8(kInternetworkControl);
    out.u16(static_cast<std::uint16_t>(packet.size()));
    out.u16(0);       // identification: never fragmented
    out.u16(0x4000);  // don't fragment
    out.u8(kTtl);
    out.u8(kVrrpProtocol);
    out.u16(0);
    out.u32(advert.source.v4_value());
    out.u32(advert.destination.v4_value());
    const auto ip_sum = fold(sum_words(out.written(), 0));
    out.patch_u16(10, static_cast<std::uint16_t>(~ip_sum));

    const auto centiseconds =
        std::clamp(advert.interval, kCentisecond, kMaxAdvertInterval) / kCentisecond;
    out.u8(kVersion3Advert);
    out.u8(advert.vrid);
    out.u8(advert.priority);
    out.u8(static_cast<std::uint8_t>(advert.addresses.size()));
    out.u16(static_cast<std::uint16_t>(centiseconds));
    out.u16(0);
    for (const auto& address : advert.addresses) out.u32(address.v4_value());
    const auto sum =
        fold(sum_words(out.written().subspan(kIpHeader),
                       pseudo_header_sum(advert.source, advert.destination, vrrp_size)));
    out.patch_u16(kIpHeader + 6, static_cast<std::uint16_t>(~sum));
    return packet;
}

}  // namespace hearth::lb
