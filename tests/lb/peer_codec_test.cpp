#include "lb/core/peer_codec.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

using Bytes = std::vector<std::uint8_t>;

NodeReport sample() {
    return {"0.1.0",
            "abcdef",
            {{"dns", "ok"}, {"lb", "warn"}},
            {{"lb", "peer_away", "no connection to b", "2026-01-02T03:04:05Z"}},
            {{IpAddress::v4(10, 0, 0, 53), ElectionState::kMaster}}};
}

const std::vector<PeerMessage> kMessages{PeerHello{"pi4-1"},
                                         sample(),
                                         NodeReport{},
                                         PeerFarewell{},
                                         PeerOrder{PeerOrder::Kind::kTake, "dns"},
                                         PeerOrder{PeerOrder::Kind::kUndrain, ""},
                                         PeerCall{7, "dns/policy", "what was said"},
                                         PeerAnswer{7, 200, "{}"}};

Bytes stream_of(const std::vector<PeerMessage>& messages) {
    Bytes bytes;
    for (const auto& message : messages) {
        const auto one = write_peer_message(message);
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    return bytes;
}

TEST(PeerCodec, RoundTripSplitAtEveryByte) {
    const Bytes bytes = stream_of(kMessages);
    for (std::size_t split = 0; split <= bytes.size(); ++split) {
        PeerStream stream;
        auto first = stream.feed(ByteView(bytes).first(split));
        auto second = stream.feed(ByteView(bytes).subspan(split));
        ASSERT_TRUE(first && second) << split;
        first->insert(first->end(), second->begin(), second->end());
        EXPECT_EQ(*first, kMessages) << split;
    }
}

TEST(PeerCodec, ByteByByte) {
    PeerStream stream;
    std::vector<PeerMessage> all;
    for (const std::uint8_t byte : stream_of(kMessages)) {
        const auto some = stream.feed({&byte, 1});
        ASSERT_TRUE(some);
        all.insert(all.end(), some->begin(), some->end());
    }
    EXPECT_EQ(all, kMessages);
}

TEST(PeerCodec, BodyTooLongIsRefusedBeforeItArrives) {
    const Bytes header{0, 1, 0, 1, 2};
    PeerStream stream;
    EXPECT_EQ(stream.feed(header).error().code, Errc::kTooLarge);
}

TEST(PeerCodec, BothFamiliesOfVips) {
    NodeReport report;
    report.vips = {{IpAddress::v4(10, 0, 0, 53), ElectionState::kMaster},
                   {*IpAddress::parse("fd00::53"), ElectionState::kBackup}};
    PeerStream stream;
    EXPECT_EQ(stream.feed(write_peer_message(report))->at(0), PeerMessage{report});
}

TEST(PeerCodec, EveryShortenedBodyIsRefused) {
    const Bytes whole = write_peer_message(sample());
    for (std::size_t size = 0; size + 5 < whole.size(); ++size) {
        Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(5 + size));
        store_be32(cut.data(), static_cast<std::uint32_t>(size));
        PeerStream stream;
        const auto result = stream.feed(cut);
        if (size + 5 + 2 == whole.size()) {  // as from a node that knows no IPv6 VIPs
            EXPECT_TRUE(result);
            continue;
        }
        ASSERT_FALSE(result) << size;
        EXPECT_EQ(result.error().code, Errc::kTruncated);
    }
}

TEST(PeerCodec, LaterVersionsMayAppendAndAddTypes) {
    Bytes longer = write_peer_message(PeerHello{"a"});
    longer.insert(longer.end(), {1, 2, 3});
    store_be32(longer.data(), static_cast<std::uint32_t>(longer.size() - 5));
    const Bytes unknown{0, 0, 0, 1, 99, 7};
    longer.insert(longer.end(), unknown.begin(), unknown.end());
    PeerStream stream;
    const auto messages = stream.feed(longer);
    ASSERT_TRUE(messages);
    EXPECT_EQ(*messages, (std::vector<PeerMessage>{PeerHello{"a"}, PeerUnknown{}}));
}

TEST(PeerCodec, OrdersOfLaterVersionsAreNotObeyed) {
    for (const std::uint8_t kind : Bytes{0, 4, 255}) {
        Bytes order = write_peer_message(PeerOrder{PeerOrder::Kind::kDrain, "dns"});
        order[5] = kind;
        PeerStream stream;
        EXPECT_EQ(stream.feed(order), (std::vector<PeerMessage>{PeerUnknown{}}));
    }
}

TEST(PeerCodec, EveryShortenedCallAndAnswerIsRefused) {
    for (const PeerMessage& message : {PeerMessage{PeerCall{1, "dns/policy", "body"}},
                                       PeerMessage{PeerAnswer{1, 503, "down"}}}) {
        const Bytes whole = write_peer_message(message);
        for (std::size_t size = 0; size + 5 < whole.size(); ++size) {
            Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(5 + size));
            store_be32(cut.data(), static_cast<std::uint32_t>(size));
            PeerStream stream;
            EXPECT_FALSE(stream.feed(cut)) << size;
        }
    }
}

TEST(PeerCodec, TheLongestCallFits) {
    const PeerCall call{1, "dns/policy", std::string(PeerCall::kMost, 'x')};
    PeerStream stream;
    const auto messages = stream.feed(write_peer_message(call));
    ASSERT_TRUE(messages) << messages.error().to_string();
    EXPECT_EQ(messages->at(0), PeerMessage{call});
}

TEST(PeerCodec, TopicsNameADaemonAndASubject) {
    const auto topic = parse_peer_topic("dns/policy-wanted");
    ASSERT_TRUE(topic);
    EXPECT_EQ(topic->daemon, "dns");
    EXPECT_EQ(topic->subject, "policy-wanted");
    EXPECT_TRUE(parse_peer_topic("proxy/x"));
    for (const char* wrong : {"", "dns", "dns/", "certs/policy", "/policy", "dns/a/b", "dns/../reload",
                              "dns/A", "dns/a?b", "dns/a b"})
        EXPECT_FALSE(parse_peer_topic(wrong)) << wrong;
}

TEST(PeerCodec, WhatIsTooLongIsCutAndStillFits) {
    NodeReport report = sample();
    const std::string text(100'000, 'x');
    report.problems.assign(1000, {text, text, text, text});
    report.daemons.assign(1000, {text, text});
    report.vips.assign(1000, report.vips[0]);
    const Bytes bytes = write_peer_message(report);
    PeerStream stream;
    const auto messages = stream.feed(bytes);
    ASSERT_TRUE(messages) << messages.error().to_string();
    const auto& read = std::get<NodeReport>((*messages)[0]);
    EXPECT_EQ(read.problems.size(), 20U);
    EXPECT_EQ(read.problems[0].detail.size(), 1024U);
}

}  // namespace
}  // namespace hearth::lb
