#include "lb/core/ndp_codec.h"

#include <algorithm>
#include <array>

#include "lb/core/ip_checksum.h"

namespace hearth::lb {
namespace {

constexpr std::size_t kIpHeader = 40;
constexpr std::size_t kNdpHeader = 24;
constexpr std::size_t kLinkOption = 8;
constexpr std::uint8_t kHopLimit = 255;
constexpr std::uint8_t kSourceLink = 1;
constexpr std::uint8_t kTargetLink = 2;

using Octets = std::array<std::uint8_t, 16>;

IpAddress all_nodes() noexcept {
    static constexpr Octets kAllNodes{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return IpAddress::from_bytes(kAllNodes);
}

IpAddress unspecified() noexcept { return IpAddress::from_bytes(Octets{}); }

bool is_solicited_node_group(const IpAddress& address) noexcept {
    return address == solicited_node_group(address);
}

// The options behind the target. Unknown ones are skipped; one of length 0 makes all invalid.
tl::expected<std::optional<MacAddress>, Drop> find_link_address(ByteView options,
                                                                std::uint8_t wanted) noexcept {
    std::optional<MacAddress> found;
    while (!options.empty()) {
        if (options.size() < 2 || options[1] == 0) return tl::unexpected(Drop::kBadNdp);
        const std::size_t size = std::size_t{options[1]} * 8;
        if (size > options.size()) return tl::unexpected(Drop::kTruncated);
        if (options[0] == wanted && size == kLinkOption) {
            MacAddress mac;
            std::copy_n(options.begin() + 2, mac.octets.size(), mac.octets.begin());
            // A neighbour that is a group or nobody cannot be answered, nor told apart.
            if (mac.is_group() || mac.is_zero()) return tl::unexpected(Drop::kBadNdp);
            found = mac;
        }
        options = options.subspan(size);
    }
    return found;
}

// RFC 4861 §7.1.1, §7.1.2.
bool is_valid(const NdpPacket& packet) noexcept {
    if (packet.target.is_multicast() || packet.source.is_multicast()) return false;
    if (packet.kind == NdpKind::kAdvertisement)
        return !packet.source.is_unspecified() &&
               (!packet.destination.is_multicast() || (packet.flags & kNdpSolicited) == 0);
    if (!packet.source.is_unspecified()) return true;
    return is_solicited_node_group(packet.destination) && !packet.link_address;
}

}  // namespace

tl::expected<NdpPacket, Drop> parse_ndp(ByteView packet) noexcept {
    if (packet.size() < kIpHeader) return tl::unexpected(Drop::kTruncated);
    if (packet[0] >> 4 != 6 || packet[6] != kIcmp6Protocol) return tl::unexpected(Drop::kBadNdp);
    const std::size_t length = load_be16(packet.data() + 4);
    if (packet.size() < kIpHeader + length) return tl::unexpected(Drop::kTruncated);
    if (packet[7] != kHopLimit) return tl::unexpected(Drop::kBadTtl);
    const ByteView body = packet.subspan(kIpHeader, length);
    if (body.size() < kNdpHeader) return tl::unexpected(Drop::kTruncated);
    if (body[0] != 135 && body[0] != 136) return tl::unexpected(Drop::kBadNdp);
    NdpPacket found;
    found.kind = static_cast<NdpKind>(body[0]);
    // from_bytes would fold an IPv4-mapped address, which has no place here.
    found.source = IpAddress::from_bytes(packet.subspan(8, 16));
    found.destination = IpAddress::from_bytes(packet.subspan(24, 16));
    found.target = IpAddress::from_bytes(body.subspan(8, 16));
    if (!found.source.is_v6() || !found.destination.is_v6() || !found.target.is_v6())
        return tl::unexpected(Drop::kBadNdp);
    if (fold(sum_words(body) + pseudo_header_sum(found.source, found.destination, kIcmp6Protocol,
                                                 body.size())) != 0xffff)
        return tl::unexpected(Drop::kBadChecksum);
    if (body[1] != 0) return tl::unexpected(Drop::kBadNdp);
    const bool asks = found.kind == NdpKind::kSolicitation;
    if (!asks) found.flags = body[4];
    const auto link = find_link_address(body.subspan(kNdpHeader), asks ? kSourceLink : kTargetLink);
    if (!link) return tl::unexpected(link.error());
    found.link_address = *link;
    if (!is_valid(found)) return tl::unexpected(Drop::kBadNdp);
    return found;
}

Frame ndp_frame(MacAddress destination, const NdpPacket& packet) {
    const std::size_t length = kNdpHeader + (packet.link_address ? kLinkOption : 0);
    Frame frame{destination, EtherType::kIpv6, std::vector<std::uint8_t>(kIpHeader + length)};
    ByteWriter out(frame.payload);
    out.u32(std::uint32_t{6} << 28);
    out.u16(static_cast<std::uint16_t>(length));
    out.u8(kIcmp6Protocol);
    out.u8(kHopLimit);
    out.bytes(packet.source.bytes());
    out.bytes(packet.destination.bytes());
    out.u8(static_cast<std::uint8_t>(packet.kind));
    out.u8(0);
    out.u16(0);
    out.u8(packet.flags);
    out.u8(0);
    out.u16(0);
    out.bytes(packet.target.bytes());
    if (packet.link_address) {
        out.u8(packet.kind == NdpKind::kSolicitation ? kSourceLink : kTargetLink);
        out.u8(1);
        out.bytes(packet.link_address->octets);
    }
    const auto sum = fold(
        sum_words(out.written().subspan(kIpHeader),
                  pseudo_header_sum(packet.source, packet.destination, kIcmp6Protocol, length)));
    out.patch_u16(kIpHeader + 2, static_cast<std::uint16_t>(~sum));
    return frame;
}

IpAddress solicited_node_group(const IpAddress& address) noexcept {
    Octets group{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
    std::copy_n(address.bytes().begin() + 13, 3, group.begin() + 13);
    return IpAddress::from_bytes(group);
}

MacAddress multicast_mac(const IpAddress& group) noexcept {
    MacAddress mac{{0x33, 0x33}};
    std::copy_n(group.bytes().begin() + 12, 4, mac.octets.begin() + 2);
    return mac;
}

Frame unsolicited_advertisement(MacAddress own, const IpAddress& address) {
    return ndp_frame(multicast_mac(all_nodes()),
                     {NdpKind::kAdvertisement, address, all_nodes(), address, kNdpOverride, own});
}

Frame ndp_probe(const IpAddress& address) {
    const IpAddress group = solicited_node_group(address);
    return ndp_frame(multicast_mac(group),
                     {NdpKind::kSolicitation, unspecified(), group, address, 0, std::nullopt});
}

Frame ndp_question(MacAddress own_mac, const IpAddress& own_ip, const IpAddress& address) {
    const IpAddress group = solicited_node_group(address);
    return ndp_frame(multicast_mac(group),
                     {NdpKind::kSolicitation, own_ip, group, address, 0, own_mac});
}

Frame ndp_answer(MacAddress own, const NdpPacket& question, MacAddress from) {
    if (question.is_probe()) return unsolicited_advertisement(own, question.target);
    return ndp_frame(question.link_address.value_or(from),
                     {NdpKind::kAdvertisement, question.target, question.source, question.target,
                      kNdpSolicited | kNdpOverride, own});
}

}  // namespace hearth::lb
