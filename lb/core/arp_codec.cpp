#include "lb/core/arp_codec.h"

#include <algorithm>

namespace hearth::lb {
namespace {

constexpr std::uint16_t kEthernet = 1;
constexpr std::uint16_t kIpv4 = 0x0800;

MacAddress read_mac(ByteReader& in) noexcept {
    MacAddress mac;
    const auto octets = in.bytes(6);
    std::copy(octets.begin(), octets.end(), mac.octets.begin());
    return mac;
}

}  // namespace

tl::expected<ArpPacket, Drop> parse_arp(ByteView payload) noexcept {
    if (payload.size() < kArpSize) return tl::unexpected(Drop::kTruncated);
    ByteReader in(payload);
    if (in.u16() != kEthernet || in.u16() != kIpv4 || in.u8() != 6 || in.u8() != 4)
        return tl::unexpected(Drop::kBadArp);
    const std::uint16_t operation = in.u16();
    if (operation != 1 && operation != 2) return tl::unexpected(Drop::kBadArp);
    ArpPacket packet;
    packet.operation = static_cast<ArpOperation>(operation);
    packet.sender_mac = read_mac(in);
    packet.sender_ip = IpAddress::v4(in.u32());
    packet.target_mac = read_mac(in);
    packet.target_ip = IpAddress::v4(in.u32());
    // A sender that is a group or nobody cannot be answered, nor told apart.
    if (packet.sender_mac.is_group() || packet.sender_mac.is_zero())
        return tl::unexpected(Drop::kBadArp);
    return packet;
}

void write_arp(ByteWriter& out, const ArpPacket& packet) noexcept {
    out.u16(kEthernet);
    out.u16(kIpv4);
    out.u8(6);
    out.u8(4);
    out.u16(static_cast<std::uint16_t>(packet.operation));
    out.bytes(packet.sender_mac.octets);
    out.u32(packet.sender_ip.v4_value());
    out.bytes(packet.target_mac.octets);
    out.u32(packet.target_ip.v4_value());
}

Frame arp_frame(MacAddress destination, const ArpPacket& packet) {
    Frame frame{destination, EtherType::kArp, std::vector<std::uint8_t>(kArpSize)};
    ByteWriter out(frame.payload);
    write_arp(out, packet);
    return frame;
}

Frame gratuitous_request(MacAddress own, IpAddress address) {
    return arp_frame(kBroadcastMac, {ArpOperation::kRequest, own, address, MacAddress{}, address});
}

Frame gratuitous_reply(MacAddress own, IpAddress address) {
    return arp_frame(kBroadcastMac, {ArpOperation::kReply, own, address, own, address});
}

Frame arp_probe(MacAddress own, IpAddress address) {
    return arp_question(own, IpAddress{}, address);
}

Frame arp_question(MacAddress own_mac, IpAddress own_ip, IpAddress address) {
    return arp_frame(kBroadcastMac,
                     {ArpOperation::kRequest, own_mac, own_ip, MacAddress{}, address});
}

Frame arp_answer(MacAddress own, const ArpPacket& question) {
    return arp_frame(question.sender_mac, {ArpOperation::kReply, own, question.target_ip,
                                           question.sender_mac, question.sender_ip});
}

}  // namespace hearth::lb
