#include "lb/core/vrrp_codec.h"

#include <algorithm>

#include "lb/core/ip_checksum.h"

namespace hearth::lb {
namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kVrrpHeader = 8;
constexpr std::size_t kV2Authentication = 8;
constexpr std::uint8_t kAdvertType = 1;
constexpr std::uint8_t kTtl = 255;
constexpr std::uint8_t kInternetworkControl = 0xc0;  // RFC 9568 leaves TOS open; routers send this

// The IP header's facts, and the payload without Ethernet padding.
struct IpPacket {
    IpAddress source;
    IpAddress destination;
    std::uint8_t ttl = 0;
    ByteView payload;
};

tl::expected<IpPacket, Drop> parse_ipv4(ByteView packet) noexcept {
    if (packet.size() < kIpv4Header) return tl::unexpected(Drop::kTruncated);
    const std::size_t header = std::size_t{packet[0]} % 16 * 4;
    const std::size_t total = load_be16(packet.data() + 2);
    if (header < kIpv4Header || total < header || packet.size() < total)
        return tl::unexpected(Drop::kTruncated);
    constexpr std::uint16_t kMoreFragmentsOrOffset = 0x3fff;
    if ((load_be16(packet.data() + 6) & kMoreFragmentsOrOffset) != 0 || packet[9] != kVrrpProtocol)
        return tl::unexpected(Drop::kNotVrrp);
    if (fold(sum_words(packet.first(header))) != 0xffff) return tl::unexpected(Drop::kBadChecksum);
    return IpPacket{IpAddress::from_bytes(packet.subspan(12, 4)),
                    IpAddress::from_bytes(packet.subspan(16, 4)), packet[8],
                    packet.subspan(header, total - header)};
}

tl::expected<IpPacket, Drop> parse_ipv6(ByteView packet) noexcept {
    if (packet.size() < kIpv6Header) return tl::unexpected(Drop::kTruncated);
    const std::size_t length = load_be16(packet.data() + 4);
    if (packet.size() < kIpv6Header + length) return tl::unexpected(Drop::kTruncated);
    if (packet[6] != kVrrpProtocol) return tl::unexpected(Drop::kNotVrrp);
    const IpPacket found{IpAddress::from_bytes(packet.subspan(8, 16)),
                         IpAddress::from_bytes(packet.subspan(24, 16)), packet[7],
                         packet.subspan(kIpv6Header, length)};
    // IPv4-mapped addresses have no place on the wire.
    if (!found.source.is_v6() || !found.destination.is_v6()) return tl::unexpected(Drop::kNotVrrp);
    return found;
}

tl::expected<IpPacket, Drop> parse_ip(ByteView packet) noexcept {
    if (packet.empty()) return tl::unexpected(Drop::kTruncated);
    switch (packet[0] >> 4) {
        case 4: return parse_ipv4(packet);
        case 6: return parse_ipv6(packet);
        default: return tl::unexpected(Drop::kNotVrrp);
    }
}

bool checksum_holds(const IpPacket& ip, VrrpVersion version) noexcept {
    const std::uint32_t plain = sum_words(ip.payload);
    if (ip.source.is_v4() && fold(plain) == 0xffff) return true;
    return version == VrrpVersion::kV3 &&
           fold(plain + pseudo_header_sum(ip.source, ip.destination, kVrrpProtocol,
                                          ip.payload.size())) == 0xffff;
}

// The octet before the checksum tells the interval of version 2; the one before that tells of a
// password, which RFC 3768 took out of it.
tl::expected<Duration, Drop> read_interval(ByteReader& in, VrrpVersion version) noexcept {
    const std::uint16_t word = in.u16();
    if (version == VrrpVersion::kV3) return (word & 0x0fff) * kCentisecond;
    if (word >> 8 != 0) return tl::unexpected(Drop::kPassword);
    return (word & 0xff) * Duration(1s);
}

void write_ip_header(ByteWriter& out, const AdvertToSend& advert, std::size_t payload) {
    if (advert.source.is_v6()) {
        out.u32(std::uint32_t{6} << 28 | std::uint32_t{kInternetworkControl} << 20);
        out.u16(static_cast<std::uint16_t>(payload));
        out.u8(kVrrpProtocol);
        out.u8(kTtl);
        out.bytes(advert.source.bytes());
        out.bytes(advert.destination.bytes());
        return;
    }
    out.u8(4 << 4 | 5);
    out.u8(kInternetworkControl);
    out.u16(static_cast<std::uint16_t>(kIpv4Header + payload));
    out.u16(0);       // identification: never fragmented
    out.u16(0x4000);  // don't fragment
    out.u8(kTtl);
    out.u8(kVrrpProtocol);
    out.u16(0);
    out.bytes(advert.source.bytes());
    out.bytes(advert.destination.bytes());
    out.patch_u16(10, static_cast<std::uint16_t>(~fold(sum_words(out.written()))));
}

std::uint16_t interval_word(const AdvertToSend& advert) noexcept {
    const bool v2 = advert.version == VrrpVersion::kV2;
    const Duration unit = v2 ? Duration(1s) : kCentisecond;
    const Duration longest = v2 ? kMaxAdvertIntervalV2 : kMaxAdvertInterval;
    return static_cast<std::uint16_t>(std::clamp(advert.interval, unit, longest) / unit);
}

}  // namespace

tl::expected<Advert, Drop> parse_advert(ByteView packet) noexcept {
    const auto ip = parse_ip(packet);
    if (!ip) return tl::unexpected(ip.error());
    if (ip->ttl != kTtl) return tl::unexpected(Drop::kBadTtl);
    if (ip->payload.size() < kVrrpHeader) return tl::unexpected(Drop::kTruncated);
    ByteReader in(ip->payload);
    const std::uint8_t version_and_type = in.u8();
    Advert advert;
    advert.version = static_cast<VrrpVersion>(version_and_type >> 4);
    const bool v2 = advert.version == VrrpVersion::kV2 && ip->source.is_v4();
    if ((advert.version != VrrpVersion::kV3 && !v2) || version_and_type % 16 != kAdvertType)
        return tl::unexpected(Drop::kBadVersion);
    advert.source = ip->source;
    advert.destination = ip->destination;
    advert.vrid = in.u8();
    advert.priority = in.u8();
    const std::size_t count = in.u8();
    const auto interval = read_interval(in, advert.version);
    in.skip(2);
    advert.addresses = in.bytes(count * advert.address_size());
    if (v2) in.skip(kV2Authentication);
    if (in.failed()) return tl::unexpected(Drop::kTruncated);
    if (in.remaining() != 0) return tl::unexpected(Drop::kTrailingBytes);
    if (!checksum_holds(*ip, advert.version)) return tl::unexpected(Drop::kBadChecksum);
    if (!interval) return tl::unexpected(interval.error());
    if (*interval == Duration{}) return tl::unexpected(Drop::kBadInterval);
    advert.interval = *interval;
    return advert;
}

std::optional<IpAddress> source_of(ByteView packet) noexcept {
    const auto ip = parse_ip(packet);
    return ip ? std::optional(ip->source) : std::nullopt;
}

bool same_addresses(const Advert& advert, std::span<const IpAddress> expected) noexcept {
    if (advert.address_count() != expected.size()) return false;
    const std::size_t size = advert.address_size();
    return std::all_of(expected.begin(), expected.end(), [&](const IpAddress& address) {
        for (std::size_t i = 0; i < advert.addresses.size(); i += size) {
            if (std::ranges::equal(advert.addresses.subspan(i, size), address.bytes())) return true;
        }
        return false;
    });
}

std::vector<std::uint8_t> write_advert(const AdvertToSend& advert) {
    const bool v2 = advert.version == VrrpVersion::kV2;
    const std::size_t ip_header = advert.source.is_v4() ? kIpv4Header : kIpv6Header;
    const std::size_t size = kVrrpHeader + advert.addresses.size() * advert.source.bytes().size() +
                             (v2 ? kV2Authentication : 0);
    std::vector<std::uint8_t> packet(ip_header + size);
    ByteWriter out(packet);
    write_ip_header(out, advert, size);
    out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(advert.version) << 4 | kAdvertType));
    out.u8(advert.vrid);
    out.u8(advert.priority);
    out.u8(static_cast<std::uint8_t>(advert.addresses.size()));
    out.u16(interval_word(advert));
    out.u16(0);
    for (const auto& address : advert.addresses) out.bytes(address.bytes());
    // Version 2's authentication data stays zero.
    std::uint32_t sum = sum_words(ByteView(packet).subspan(ip_header));
    if (!v2) sum += pseudo_header_sum(advert.source, advert.destination, kVrrpProtocol, size);
    out.patch_u16(ip_header + 6, static_cast<std::uint16_t>(~fold(sum)));
    return packet;
}

}  // namespace hearth::lb
