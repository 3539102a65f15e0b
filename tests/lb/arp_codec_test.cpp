#include "lb/core/arp_codec.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr MacAddress kOwn{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kAsker{{2, 0, 0, 0, 0, 9}};
const IpAddress kVip = IpAddress::v4(10, 0, 0, 53);
const IpAddress kAskerIp = IpAddress::v4(10, 0, 0, 9);

ArpPacket parsed(const Frame& frame) { return parse_arp(frame.payload).value(); }

TEST(ArpCodec, WritesTheWireForm) {
    const Frame frame = gratuitous_request(kOwn, kVip);
    const Bytes expected{0,  1, 8, 0,  6, 4, 0, 1, 2, 0, 0,  0, 0, 1,
                         10, 0, 0, 53, 0, 0, 0, 0, 0, 0, 10, 0, 0, 53};
    EXPECT_EQ(frame.payload, expected);
    EXPECT_EQ(frame.destination, kBroadcastMac);
}

TEST(ArpCodec, FormsThatLinuxTakesAsUpdates) {
    EXPECT_EQ(parsed(gratuitous_request(kOwn, kVip)),
              (ArpPacket{ArpOperation::kRequest, kOwn, kVip, MacAddress{}, kVip}));
    EXPECT_EQ(parsed(gratuitous_reply(kOwn, kVip)),
              (ArpPacket{ArpOperation::kReply, kOwn, kVip, kOwn, kVip}));
}

TEST(ArpCodec, ProbeClaimsNothing) {
    const auto probe = parsed(arp_probe(kOwn, kVip));
    EXPECT_TRUE(probe.is_probe());
    EXPECT_TRUE(probe.sender_ip.is_unspecified());
    EXPECT_FALSE(parsed(arp_question(kOwn, kAskerIp, kVip)).is_probe());
}

TEST(ArpCodec, AnswersTheAskerAlone) {
    const ArpPacket question{ArpOperation::kRequest, kAsker, kAskerIp, MacAddress{}, kVip};
    const Frame answer = arp_answer(kOwn, question);
    EXPECT_EQ(answer.destination, kAsker);
    EXPECT_EQ(parsed(answer), (ArpPacket{ArpOperation::kReply, kOwn, kVip, kAsker, kAskerIp}));
}

TEST(ArpCodec, PaddingIsIgnoredAndShorterIsRefused) {
    Bytes packet = gratuitous_reply(kOwn, kVip).payload;
    for (std::size_t size = 0; size < packet.size(); ++size)
        EXPECT_EQ(parse_arp(ByteView(packet).first(size)).error(), Drop::kTruncated);
    packet.resize(46, 0xff);
    EXPECT_TRUE(parse_arp(packet));
}

TEST(ArpCodec, RefusesWhatIsNotEthernetIpv4) {
    const std::pair<std::size_t, std::uint8_t> changes[] = {
        {1, 6},             // hardware type
        {2, 0x86},          // protocol
        {4, 8},             // hardware length
        {5, 16},            // protocol length
        {7, 3},             // RARP
        {7, 0},    {8, 3},  // a group as sender
    };
    for (const auto& [offset, value] : changes) {
        Bytes packet = gratuitous_reply(kOwn, kVip).payload;
        packet[offset] = value;
        EXPECT_EQ(parse_arp(packet).error(), Drop::kBadArp) << offset;
    }
    Bytes nobody = gratuitous_reply(MacAddress{}, kVip).payload;
    EXPECT_EQ(parse_arp(nobody).error(), Drop::kBadArp);
}

}  // namespace
}  // namespace hearth::lb
