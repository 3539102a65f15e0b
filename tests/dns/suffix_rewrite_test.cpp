#include "dns/core/suffix_rewrite.h"

#include <gtest/gtest.h>

#include "tests/dns/packets.h"

namespace hearth::dns::test {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

const Name kInside = name("example.com");
const Name kOutside = name("default.svc.cluster.local");

// The answer `what` to `asked` outside, as ldns reads it after the mapping of `inside`.
Seen mapped(const char* inside, const char* outside, RrType type, const Say& what) {
    const Packet packet = say(ask({.name = outside, .type = type}), what);
    const auto answer = parse_answer(packet);
    AnswerMapper mapper;
    EXPECT_TRUE(mapper.map(image_of(packet, *answer), {kInside, kOutside}, name(inside)));
    const AnswerImage image = mapper.image();
    for (const std::uint16_t at : image.ttl_at)
        EXPECT_EQ(load_be32(image.bytes.data() + at), 60U) << "every TTL stands where it is told";
    return see(image.bytes);
}

using Texts = std::vector<std::string>;

TEST(SuffixRewrite, SuffixesAreReplacedWhereTheyStand) {
    EXPECT_EQ(with_suffix(name("a.b.example.com"), kInside, kOutside),
              name("a.b.default.svc.cluster.local"));
    EXPECT_EQ(with_suffix(kInside, kInside, kOutside), kOutside);
    EXPECT_EQ(with_suffix(name("badexample.com"), kInside, kOutside), name("badexample.com"));
    std::string longest;
    while (longest.size() < 230) longest += "aaaaaaaaa.";
    EXPECT_EQ(with_suffix(name(longest + "example.com"), kInside, kOutside), std::nullopt);
}

TEST(SuffixRewrite, OwnersAndTargetsComeBack) {
    const Seen seen = mapped("web.example.com", "web.default.svc.cluster.local", RrType::kA,
                             {.answers = {"web.default.svc.cluster.local. 60 IN CNAME "
                                          "b.default.svc.cluster.local.",
                                          "b.default.svc.cluster.local. 60 IN CNAME x.example.",
                                          "x.example. 60 IN A 10.96.0.7"},
                              .additional = {"ns.default.svc.cluster.local. 60 IN A 10.96.0.1"}});
    ASSERT_TRUE(seen.valid);
    EXPECT_EQ(seen.question, "web.example.com. A");
    EXPECT_EQ(seen.answers,
              (Texts{"web.example.com. 60 IN CNAME b.example.com.",
                     "b.example.com. 60 IN CNAME x.example.", "x.example. 60 IN A 10.96.0.7"}));
    EXPECT_EQ(seen.additional, (Texts{"ns.example.com. 60 IN A 10.96.0.1"}));
}

TEST(SuffixRewrite, NamesInTheDataOfEveryTypeComeBack) {
    const std::string at = "x.default.svc.cluster.local. 60 IN ";
    const std::string in = "x.example.com. 60 IN ";
    for (const auto& [outside, inside] : std::vector<std::pair<std::string, std::string>>{
             {"NS y.default.svc.cluster.local.", "NS y.example.com."},
             {"PTR x.default.svc.cluster.local.", "PTR x.example.com."},
             {"MX 10 x.default.svc.cluster.local.", "MX 10 x.example.com."},
             {"SRV 0 5 80 x.default.svc.cluster.local.", "SRV 0 5 80 x.example.com."},
             {"HTTPS 1 y.default.svc.cluster.local. alpn=h2", "HTTPS 1 y.example.com. alpn=h2"},
             {"SVCB 0 y.default.svc.cluster.local.", "SVCB 0 y.example.com."},
             {"NAPTR 10 100 \"s\" \"SIP+D2U\" \"\" y.default.svc.cluster.local.",
              "NAPTR 10 100 \"s\" \"SIP+D2U\" \"\" y.example.com."},
             {"TXT \"default.svc.cluster.local\"", "TXT \"default.svc.cluster.local\""},
             {"CAA 0 issue \"x\"", "CAA 0 issue \"x\""}}) {
        const Seen seen =
            mapped("x.example.com", "x.default.svc.cluster.local", RrType::kAny,
                   {.answers = {at + outside, at + "RRSIG A 8 4 60 20300101000000 "
                                                   "20200101000000 1 cluster.local. AAAA"}});
        ASSERT_TRUE(seen.valid) << outside;
        EXPECT_EQ(seen.answers, Texts{in + inside});
    }
}

TEST(SuffixRewrite, NegativeAnswersCarryTheSoaInside) {
    const Seen seen =
        mapped("no.example.com", "no.default.svc.cluster.local", RrType::kA,
               {.rcode = "NXDOMAIN",
                .authority = {"default.svc.cluster.local. 60 IN SOA "
                              "ns.default.svc.cluster.local. h.cluster.local. 1 2 3 4 5"}});
    EXPECT_EQ(seen.rcode, "NXDOMAIN");
    EXPECT_EQ(seen.authority,
              (Texts{"example.com. 60 IN SOA ns.example.com. h.cluster.local. 1 2 3 4 5"}));
}

TEST(SuffixRewrite, WhatIsCutOffIsRefused) {
    const Packet packet =
        say(ask({.name = "x.default.svc.cluster.local"}),
            {.answers = {"x.default.svc.cluster.local. 60 IN MX 10 a.default.svc.cluster.local."}});
    const auto answer = parse_answer(packet);
    AnswerMapper mapper;
    AnswerImage image = image_of(packet, *answer);
    for (std::size_t size = 0; size < image.bytes.size(); ++size) {
        AnswerImage cut = image;
        cut.bytes = image.bytes.first(size);
        EXPECT_FALSE(mapper.map(cut, {kInside, kOutside}, name("x.example.com"))) << size;
    }
}

}  // namespace
}  // namespace hearth::dns::test
