#include "lb/core/ndp_codec.h"

#include <gtest/gtest.h>

#include <functional>

#include "lb/core/ip_checksum.h"

namespace hearth::lb {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr MacAddress kOwn{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kAsker{{2, 0, 0, 0, 0, 9}};
const IpAddress kVip = *IpAddress::parse("fd00::5:53");
const IpAddress kAskerIp = *IpAddress::parse("fe80::9");
const IpAddress kAllNodes = *IpAddress::parse("ff02::1");

NdpPacket parsed(const Frame& frame) {
    EXPECT_EQ(frame.type, EtherType::kIpv6);
    return parse_ndp(frame.payload).value();
}

void seal(Bytes& packet) {
    store_be16(packet.data() + 42, 0);
    const ByteView body = ByteView(packet).subspan(40);
    const auto sum = fold(sum_words(body) +
                          pseudo_header_sum(IpAddress::from_bytes(ByteView(packet).subspan(8, 16)),
                                            IpAddress::from_bytes(ByteView(packet).subspan(24, 16)),
                                            kIcmp6Protocol, body.size()));
    store_be16(packet.data() + 42, static_cast<std::uint16_t>(~sum));
}

TEST(NdpCodec, WritesTheWireForm) {
    const Frame frame = ndp_probe(kVip);
    Bytes expected{0x60, 0, 0, 0, 0, 24, 58, 255};
    expected.resize(24);  // source ::
    for (const int octet : {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 5, 0, 0x53})
        expected.push_back(static_cast<std::uint8_t>(octet));
    for (const int octet :
         {135, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0x53})
        expected.push_back(static_cast<std::uint8_t>(octet));
    seal(expected);
    EXPECT_EQ(frame.payload, expected);
    EXPECT_EQ(frame.destination, (MacAddress{{0x33, 0x33, 0xff, 5, 0, 0x53}}));
    EXPECT_TRUE(parsed(frame).is_probe());
}

TEST(NdpCodec, TellsEverybody) {
    const Frame frame = unsolicited_advertisement(kOwn, kVip);
    EXPECT_EQ(frame.destination, (MacAddress{{0x33, 0x33, 0, 0, 0, 1}}));
    EXPECT_EQ(parsed(frame),
              (NdpPacket{NdpKind::kAdvertisement, kVip, kAllNodes, kVip, kNdpOverride, kOwn}));
}

TEST(NdpCodec, AnswersTheAskerAlone) {
    const NdpPacket question = parsed(ndp_question(kAsker, kAskerIp, kVip));
    EXPECT_FALSE(question.is_probe());
    EXPECT_EQ(question.link_address, kAsker);
    const Frame answer = ndp_answer(kOwn, question, kAsker);
    EXPECT_EQ(answer.destination, kAsker);
    EXPECT_EQ(parsed(answer), (NdpPacket{NdpKind::kAdvertisement, kVip, kAskerIp, kVip,
                                         kNdpSolicited | kNdpOverride, kOwn}));
}

// Neighbour unreachability detection asks by unicast, without the option.
TEST(NdpCodec, AnswersWhoDoesNotSayWhereItIs) {
    const NdpPacket question{NdpKind::kSolicitation, kAskerIp, kVip, kVip, 0, std::nullopt};
    EXPECT_EQ(parsed(ndp_frame(kOwn, question)), question);
    EXPECT_EQ(ndp_answer(kOwn, question, kAsker).destination, kAsker);
}

// RFC 4861 §7.2.4: to all nodes, S=0.
TEST(NdpCodec, AnswersAProbeToAllNodes) {
    const Frame answer = ndp_answer(kOwn, parsed(ndp_probe(kVip)), kAsker);
    EXPECT_EQ(answer.destination, multicast_mac(kAllNodes));
    EXPECT_EQ(parsed(answer).flags, kNdpOverride);
    EXPECT_EQ(parsed(answer).destination, kAllNodes);
}

TEST(NdpCodec, PaddingIsIgnoredAndShorterIsRefused) {
    Bytes packet = unsolicited_advertisement(kOwn, kVip).payload;
    for (std::size_t size = 0; size < packet.size(); ++size)
        EXPECT_EQ(parse_ndp(ByteView(packet).first(size)).error(), Drop::kTruncated);
    packet.resize(80, 0xff);
    EXPECT_TRUE(parse_ndp(packet));
}

TEST(NdpCodec, EveryFlippedBitOfTheMessageIsRefused) {
    const Bytes packet = unsolicited_advertisement(kOwn, kVip).payload;
    for (std::size_t bit = 40 * 8; bit < packet.size() * 8; ++bit) {
        Bytes broken = packet;
        broken[bit / 8] = static_cast<std::uint8_t>(broken[bit / 8] ^ (1U << bit % 8));
        EXPECT_FALSE(parse_ndp(broken)) << "bit " << bit;
    }
}

TEST(NdpCodec, UnknownOptionsAreSkipped) {
    Bytes packet = unsolicited_advertisement(kOwn, kVip).payload;
    const Bytes nonce{14, 1, 1, 2, 3, 4, 5, 6};
    packet.insert(packet.begin() + 64, nonce.begin(), nonce.end());
    packet[5] = 40;
    seal(packet);
    EXPECT_EQ(parse_ndp(packet)->link_address, kOwn);
}

struct Refusal {
    const char* what;
    Frame frame;
    std::function<void(Bytes&)> change;
    Drop reason;
};

TEST(NdpCodec, RefusesWithItsReason) {
    const Frame told = unsolicited_advertisement(kOwn, kVip);
    const Frame asked = ndp_question(kAsker, kAskerIp, kVip);
    const Frame probed = ndp_probe(kVip);
    const Refusal refusals[] = {
        {"version", told, [](Bytes& p) { p[0] = 0x40; }, Drop::kBadNdp},
        {"next header", told, [](Bytes& p) { p[6] = 0; }, Drop::kBadNdp},
        {"hop limit", told, [](Bytes& p) { p[7] = 254; }, Drop::kBadTtl},
        {"type", told, [](Bytes& p) { p[40] = 134; }, Drop::kBadNdp},
        {"code", told, [](Bytes& p) { p[41] = 1; }, Drop::kBadNdp},
        {"solicited to all", told, [](Bytes& p) { p[44] |= kNdpSolicited; }, Drop::kBadNdp},
        {"target is a group", told, [](Bytes& p) { p[48] = 0xff; }, Drop::kBadNdp},
        {"source is a group", told, [](Bytes& p) { p[8] = 0xff; }, Drop::kBadNdp},
        {"told by nobody", told, [](Bytes& p) { std::fill_n(p.begin() + 8, 16, 0); },
         Drop::kBadNdp},
        {"option of length 0", told, [](Bytes& p) { p[65] = 0; }, Drop::kBadNdp},
        {"option too long", told, [](Bytes& p) { p[65] = 2; }, Drop::kTruncated},
        {"a group as link", told, [](Bytes& p) { p[66] = 1; }, Drop::kBadNdp},
        {"a probe with link", asked, [](Bytes& p) { std::fill_n(p.begin() + 8, 16, 0); },
         Drop::kBadNdp},
        {"a probe to one", probed, [](Bytes& p) { p[24] = 0xfd; }, Drop::kBadNdp},
    };
    for (const auto& refusal : refusals) {
        Bytes packet = refusal.frame.payload;
        refusal.change(packet);
        seal(packet);
        const auto read = parse_ndp(packet);
        ASSERT_FALSE(read) << refusal.what;
        EXPECT_EQ(read.error(), refusal.reason) << refusal.what;
    }
}

}  // namespace
}  // namespace hearth::lb
