#include "dns/core/cache.h"

#include <gtest/gtest.h>

#include "tests/dns/packets.h"

namespace hearth::dns {
namespace {

using test::ask;
using test::Packet;
using test::say;
using test::Say;
using test::see;

class CacheTest : public testing::Test {
protected:
    static constexpr std::size_t kBytes = 64 << 10;

    void keep(const Name& qname, const Say& answer, std::uint32_t seconds = 300) {
        const Packet packet = say(ask({.name = qname.to_string() + "."}), answer);
        const auto view = parse_answer(packet);
        cache.insert({qname, RrType::kA}, image_of(packet, *view), seconds, 1, now);
    }
    static Say address(const Name& qname, int last) {
        return {.answers = {qname.to_string() + ". 300 IN A 192.0.2." + std::to_string(last)}};
    }

    // The answer to `question` out of the cache, as ldns reads it.
    test::Seen answer(const test::Ask& question) {
        const Packet packet = ask(question);
        QueryView query;
        EXPECT_EQ(parse_query(packet, query), QueryFault::kNone);
        const auto hit = cache.find({query.qname, query.qtype, query.edns.dnssec_ok}, now);
        if (!hit) return {};
        Packet out(kMaxMessage);
        out.resize(write_image(out, AskedQuestion::over_udp(query), hit->image, hit->age, 86400));
        return see(out);
    }

    Cache cache{{.bytes = kBytes}, {1, 2}};
    Name www = *Name::parse("www.example");
    TimePoint now{1h};
};

TEST_F(CacheTest, AHitIsTheAnswerWithItsAgeTakenOff) {
    keep(www, address(www, 1));
    now += 100s;
    const auto seen = answer({.name = "wWw.eXample.", .id = 77});
    ASSERT_TRUE(seen.valid);
    EXPECT_EQ(seen.id, 77);
    EXPECT_EQ(seen.question, "wWw.eXample. A") << "the client's letter case";
    ASSERT_EQ(seen.answers.size(), 1U);
    EXPECT_EQ(seen.answers[0], "wWw.eXample. 200 IN A 192.0.2.1");
    EXPECT_TRUE(seen.ra && seen.rd && seen.qr);
    EXPECT_FALSE(seen.aa || seen.ad || seen.tc);
    EXPECT_TRUE(seen.edns);
}

TEST_F(CacheTest, OptOnlyToWhoSentOne) {
    keep(www, address(www, 1));
    EXPECT_FALSE(answer({.name = "www.example.", .edns = false}).edns);
    EXPECT_TRUE(answer({.name = "www.example.", .edns = true}).edns);
}

TEST_F(CacheTest, ExpiresAtItsTime) {
    keep(www, address(www, 1), 10);
    now += 9999ms;
    EXPECT_TRUE(cache.find({www, RrType::kA}, now));
    now += 1ms;
    EXPECT_FALSE(cache.find({www, RrType::kA}, now));
}

TEST_F(CacheTest, KeysTellTypeAndDnssecApart) {
    keep(www, address(www, 1));
    EXPECT_TRUE(cache.find({www, RrType::kA}, now));
    EXPECT_FALSE(cache.find({www, RrType::kAaaa}, now));
    EXPECT_FALSE(cache.find({www, RrType::kA, true}, now));
    EXPECT_FALSE(cache.find({www, RrType::kA, false, true}, now));
    EXPECT_FALSE(cache.find({www, RrType::kA, false, false, 1}, now));
    EXPECT_FALSE(cache.find({*Name::parse("ww.example"), RrType::kA}, now));
}

TEST_F(CacheTest, AnEqualKeyReplaces) {
    keep(www, address(www, 1));
    keep(www, address(www, 2));
    EXPECT_EQ(cache.size(), 1U);
    EXPECT_EQ(answer({.name = "www.example."}).answers.at(0), "www.example. 300 IN A 192.0.2.2");
}

TEST_F(CacheTest, ZeroSecondsKeepNothing) {
    keep(www, address(www, 1), 0);
    EXPECT_EQ(cache.size(), 0U);
}

TEST_F(CacheTest, StaysWithinItsBytesAndKeepsWhatIsAskedFor) {
    keep(www, address(www, 1));
    for (int i = 0; i < 5000; ++i) {
        const Name other = *Name::parse("n" + std::to_string(i) + ".example");
        keep(other, address(other, 3));
        ASSERT_LE(cache.bytes(), kBytes);
        ASSERT_TRUE(cache.find({www, RrType::kA}, now)) << i;
    }
    EXPECT_GT(cache.size(), 100U);
    EXPECT_LT(cache.size(), 5000U);
    cache.clear();
    EXPECT_EQ(cache.bytes(), 0U);
    EXPECT_FALSE(cache.find({www, RrType::kA}, now));
}

TEST_F(CacheTest, EveryEntryIsFoundAfterManyReplacements) {
    Cache big{{.bytes = 8 << 20}, {3, 4}};
    const auto insert = [&](int i, std::uint32_t seconds) {
        const Name qname = *Name::parse("n" + std::to_string(i) + ".example");
        const Packet packet = say(ask({.name = qname.to_string() + "."}), address(qname, i % 250));
        const auto view = parse_answer(packet);
        big.insert({qname, RrType::kA}, image_of(packet, *view), seconds, 1, now);
    };
    for (int i = 0; i < 3000; ++i) insert(i, 300);
    for (int i = 0; i < 3000; i += 3) insert(i, 600);
    EXPECT_EQ(big.size(), 3000U);
    now += 400s;
    for (int i = 0; i < 3000; ++i) {
        const Name qname = *Name::parse("n" + std::to_string(i) + ".example");
        EXPECT_EQ(big.find({qname, RrType::kA}, now).has_value(), i % 3 == 0) << i;
    }
}

TEST_F(CacheTest, AFailureIsAServFail) {
    cache.insert_failure({www, RrType::kA}, 5, 1, now);
    const auto seen = answer({.name = "www.example."});
    EXPECT_EQ(seen.rcode, "SERVFAIL");
    EXPECT_TRUE(seen.answers.empty());
    now += 5s;
    EXPECT_FALSE(answer({.name = "www.example."}).valid);
}

TEST_F(CacheTest, WhatIsTooLargeIsTruncatedWithOptKept) {
    Say big;
    for (int i = 0; i < 40; ++i)
        big.answers.push_back("www.example. 300 IN A 192.0.2." + std::to_string(i));
    keep(www, big);
    const auto plain = answer({.name = "www.example.", .edns = false});
    EXPECT_TRUE(plain.tc);
    EXPECT_TRUE(plain.answers.empty());
    EXPECT_EQ(plain.question, "www.example. A");
    const auto small = answer({.name = "www.example.", .udp_size = 600});
    EXPECT_TRUE(small.tc);
    EXPECT_TRUE(small.edns);
    EXPECT_EQ(answer({.name = "www.example.", .udp_size = 1232}).answers.size(), 40U);
}

}  // namespace
}  // namespace hearth::dns
