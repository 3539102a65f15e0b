#include "lb/core/vrrp_codec.h"

#include <gtest/gtest.h>

#include <functional>

namespace hearth::lb {
namespace {

using Bytes = std::vector<std::uint8_t>;

const std::vector<IpAddress> kVips{IpAddress::v4(10, 0, 0, 53), IpAddress::v4(10, 0, 0, 54)};

AdvertToSend sample() { return {IpAddress::v4(10, 0, 0, 11), vrrp_group(), 53, 200, 100ms, kVips}; }

// The fields as Debian's keepalived 2.2.7 fills them: VRID 51, priority 150, 1 s, VIP 10.99.0.100.
const Bytes kKeepalived{0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x00,
                        0x00, 0x0a, 0x63, 0x00, 0x02, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x33,
                        0x96, 0x01, 0x00, 0x64, 0x00, 0x00, 0x0a, 0x63, 0x00, 0x64};

std::uint16_t sum(ByteView bytes, std::uint32_t start) {
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) start += load_be16(bytes.data() + i);
    while (start >> 16 != 0) start = (start & 0xffff) + (start >> 16);
    return static_cast<std::uint16_t>(~start);
}

enum class Checksum { kWithPseudoHeader, kWithout };

// Makes both checksums right again after a change.
void seal(Bytes& packet, Checksum kind) {
    store_be16(packet.data() + 10, 0);
    store_be16(packet.data() + 10, sum(ByteView(packet).first(20), 0));
    const ByteView vrrp = ByteView(packet).subspan(20);
    store_be16(packet.data() + 26, 0);
    std::uint32_t start = 0;
    if (kind == Checksum::kWithPseudoHeader) {
        for (std::size_t i = 12; i < 20; i += 2) start += load_be16(packet.data() + i);
        start += kVrrpProtocol + static_cast<std::uint32_t>(vrrp.size());
    }
    store_be16(packet.data() + 26, sum(vrrp, start));
}

TEST(VrrpCodec, RoundTrip) {
    const Bytes packet = write_advert(sample());
    const auto advert = parse_advert(packet);
    ASSERT_TRUE(advert) << to_string(advert.error());
    EXPECT_EQ(advert->source, IpAddress::v4(10, 0, 0, 11));
    EXPECT_EQ(advert->destination, vrrp_group());
    EXPECT_EQ(advert->vrid, 53);
    EXPECT_EQ(advert->priority, 200);
    EXPECT_EQ(advert->interval, 100ms);
    EXPECT_TRUE(same_addresses(*advert, kVips));
}

TEST(VrrpCodec, ReadsForeignPackets) {
    Bytes packet = kKeepalived;
    for (const auto kind : {Checksum::kWithPseudoHeader, Checksum::kWithout}) {
        seal(packet, kind);
        const auto advert = parse_advert(packet);
        ASSERT_TRUE(advert) << to_string(advert.error());
        EXPECT_EQ(advert->vrid, 51);
        EXPECT_EQ(advert->priority, 150);
        EXPECT_EQ(advert->interval, 1s);
        EXPECT_EQ(advert->address_count(), 1U);
    }
}

TEST(VrrpCodec, SendsTheChecksumWithPseudoHeader) {
    Bytes packet = write_advert(sample());
    Bytes sealed = packet;
    seal(sealed, Checksum::kWithPseudoHeader);
    EXPECT_EQ(packet, sealed);
}

TEST(VrrpCodec, EthernetPaddingIsNotPartOfThePacket) {
    Bytes packet = write_advert(sample());
    packet.resize(64, 0xee);
    EXPECT_TRUE(parse_advert(packet));
}

TEST(VrrpCodec, ReservedBitsAreIgnored) {
    Bytes packet = write_advert(sample());
    packet[24] = static_cast<std::uint8_t>(packet[24] | 0xf0);
    seal(packet, Checksum::kWithPseudoHeader);
    const auto advert = parse_advert(packet);
    ASSERT_TRUE(advert);
    EXPECT_EQ(advert->interval, 100ms);
}

TEST(VrrpCodec, EveryShorterPacketIsRefused) {
    const Bytes packet = write_advert(sample());
    for (std::size_t size = 0; size < packet.size(); ++size)
        EXPECT_FALSE(parse_advert(ByteView(packet).first(size))) << size;
}

TEST(VrrpCodec, EveryFlippedBitOfTheAdvertIsRefused) {
    const Bytes packet = write_advert(sample());
    for (std::size_t bit = 20 * 8; bit < packet.size() * 8; ++bit) {
        Bytes broken = packet;
        broken[bit / 8] = static_cast<std::uint8_t>(broken[bit / 8] ^ (1U << bit % 8));
        EXPECT_FALSE(parse_advert(broken)) << "bit " << bit;
    }
}

struct Refusal {
    const char* what;
    std::function<void(Bytes&)> change;
    Drop reason;
};

TEST(VrrpCodec, RefusesWithItsReason) {
    const Refusal refusals[] = {
        {"ttl", [](Bytes& p) { p[8] = 254; }, Drop::kBadTtl},
        {"protocol", [](Bytes& p) { p[9] = 17; }, Drop::kNotVrrp},
        {"fragment", [](Bytes& p) { p[6] = 0x20; }, Drop::kNotVrrp},
        {"later fragment", [](Bytes& p) { p[7] = 1; }, Drop::kNotVrrp},
        {"ip version 5", [](Bytes& p) { p[0] = 0x55; }, Drop::kNotVrrp},
        {"short header", [](Bytes& p) { p[0] = 0x44; }, Drop::kTruncated},
        {"version 4", [](Bytes& p) { p[20] = 0x41; }, Drop::kBadVersion},
        {"version 2 without its end", [](Bytes& p) { p[20] = 0x21; }, Drop::kTruncated},
        {"type 2", [](Bytes& p) { p[20] = 0x32; }, Drop::kBadVersion},
        {"interval 0", [](Bytes& p) { p[24] = p[25] = 0; }, Drop::kBadInterval},
        {"one address less", [](Bytes& p) { p[23] = 1; }, Drop::kTrailingBytes},
        {"one address more", [](Bytes& p) { p[23] = 3; }, Drop::kTruncated},
    };
    for (const auto& refusal : refusals) {
        Bytes packet = write_advert(sample());
        refusal.change(packet);
        seal(packet, Checksum::kWithPseudoHeader);
        const auto advert = parse_advert(packet);
        ASSERT_FALSE(advert) << refusal.what;
        EXPECT_EQ(advert.error(), refusal.reason) << refusal.what;
    }
}

TEST(VrrpCodec, AddressSetsMatchInAnyOrder) {
    const std::vector<IpAddress> turned{kVips[1], kVips[0]};
    AdvertToSend advert = sample();
    advert.addresses = turned;
    Bytes packet = write_advert(advert);
    EXPECT_TRUE(same_addresses(*parse_advert(packet), kVips));
    EXPECT_FALSE(same_addresses(*parse_advert(packet), std::span(kVips).first(1)));
    const std::vector<IpAddress> other{kVips[0], IpAddress::v4(10, 0, 0, 55)};
    EXPECT_FALSE(same_addresses(*parse_advert(packet), other));
}

const std::vector<IpAddress> kVips6{*IpAddress::parse("fd00::53"), *IpAddress::parse("fd00::54")};

AdvertToSend sample6() {
    return {*IpAddress::parse("fe80::11"), vrrp_group(IpFamily::kV6), 53, 200, 100ms, kVips6};
}

TEST(VrrpCodec, RoundTripOverIpv6) {
    const Bytes packet = write_advert(sample6());
    ASSERT_EQ(packet.size(), 40U + 8 + 32);
    EXPECT_EQ(packet[6], kVrrpProtocol);
    EXPECT_EQ(packet[7], 255);  // hop limit
    const auto advert = parse_advert(packet);
    ASSERT_TRUE(advert) << to_string(advert.error());
    EXPECT_EQ(advert->source, sample6().source);
    EXPECT_EQ(advert->destination.to_string(), "ff02::12");
    EXPECT_EQ(advert->address_count(), 2U);
    EXPECT_TRUE(same_addresses(*advert, kVips6));
    EXPECT_FALSE(same_addresses(*advert, kVips));
}

TEST(VrrpCodec, NoBitOfAnIpv6AdvertMayDiffer) {
    const Bytes packet = write_advert(sample6());
    for (std::size_t size = 0; size < packet.size(); ++size)
        EXPECT_FALSE(parse_advert(ByteView(packet).first(size))) << size;
    for (std::size_t bit = 4 * 8; bit < packet.size() * 8; ++bit) {
        Bytes broken = packet;
        broken[bit / 8] = static_cast<std::uint8_t>(broken[bit / 8] ^ (1U << bit % 8));
        EXPECT_FALSE(parse_advert(broken)) << "bit " << bit;
    }
}

AdvertToSend sample_v2() {
    AdvertToSend advert = sample();
    advert.version = VrrpVersion::kV2;
    advert.interval = 2s;
    return advert;
}

// RFC 3768 §5.3: seconds, a checksum of VRRP alone, eight octets of zero at the end.
TEST(VrrpCodec, RoundTripOfVersion2) {
    const Bytes packet = write_advert(sample_v2());
    ASSERT_EQ(packet.size(), 20U + 8 + 8 + 8);
    EXPECT_EQ((Bytes{packet.begin() + 20, packet.begin() + 26}), (Bytes{0x21, 53, 200, 2, 0, 2}));
    Bytes sealed = packet;
    seal(sealed, Checksum::kWithout);
    EXPECT_EQ(packet, sealed);
    const auto advert = parse_advert(packet);
    ASSERT_TRUE(advert) << to_string(advert.error());
    EXPECT_EQ(advert->version, VrrpVersion::kV2);
    EXPECT_EQ(advert->interval, 2s);
    EXPECT_TRUE(same_addresses(*advert, kVips));
    for (std::size_t size = 0; size < packet.size(); ++size)
        EXPECT_FALSE(parse_advert(ByteView(packet).first(size))) << size;
}

TEST(VrrpCodec, PasswordsOfVersion2AreRefused) {
    Bytes packet = write_advert(sample_v2());
    packet[24] = 1;
    seal(packet, Checksum::kWithout);
    EXPECT_EQ(parse_advert(packet).error(), Drop::kPassword);
}

TEST(VrrpCodec, IntervalIsWrittenInCentiseconds) {
    const std::pair<Duration, Duration> cases[] = {
        {1ms, 10ms}, {10ms, 10ms}, {1s, 1s}, {40950ms, 40950ms}, {100s, 40950ms}, {15ms, 10ms}};
    for (const auto& [asked, written] : cases) {
        AdvertToSend advert = sample();
        advert.interval = asked;
        EXPECT_EQ(parse_advert(write_advert(advert))->interval, written);
    }
}

}  // namespace
}  // namespace hearth::lb
