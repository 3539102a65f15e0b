#include "dns/core/wire_writer.h"

#include <gtest/gtest.h>

#include "tests/dns/packets.h"

namespace hearth::dns {
namespace {

using test::ask;
using test::Packet;
using test::see;

// A question that was parsed, and a buffer for its answer.
struct Asked {
    explicit Asked(const test::Ask& question) : packet(ask(question)) {
        EXPECT_EQ(parse_query(packet, query), QueryFault::kNone);
        asked = AskedQuestion::over_udp(query);
    }
    test::Seen seen(std::size_t size) const { return see(ByteView(out).first(size)); }

    Packet packet;
    QueryView query;
    AskedQuestion asked;
    Packet out = Packet(kMaxMessage);
};

TEST(WireWriter, WritesEachKindOfRecord) {
    Asked q({.name = "Nas.home."});
    ResponseWriter writer(q.out, q.asked, Rcode::kNoError, Authority::kAuthoritative);
    const Name alias = *Name::parse("alias.home");
    writer.target(nullptr, RrType::kCname, 60, alias);
    writer.address(&alias, 60, IpAddress::v4(10, 0, 0, 1));
    writer.address(&alias, 60, *IpAddress::parse("fd00::1"));
    writer.soa_authority({*Name::parse("home"), *Name::parse("dns.home"), 60});
    const auto seen = q.seen(writer.finish());
    ASSERT_TRUE(seen.valid);
    EXPECT_TRUE(seen.qr && seen.aa && seen.rd && seen.ra);
    EXPECT_EQ(seen.answers, (std::vector<std::string>{"Nas.home. 60 IN CNAME alias.home.",
                                                      "alias.home. 60 IN A 10.0.0.1",
                                                      "alias.home. 60 IN AAAA fd00::1"}));
    EXPECT_EQ(seen.authority,
              (std::vector<std::string>{"home. 60 IN SOA dns.home. . 1 3600 600 86400 60"}));
    EXPECT_TRUE(seen.edns);
    EXPECT_EQ(seen.udp_size, 1232U);
}

TEST(WireWriter, CompressesAgainstTheQuestion) {
    Asked q({.name = "a.very.long.name.of.something.home.", .edns = false});
    ResponseWriter writer(q.out, q.asked, Rcode::kNoError, Authority::kAuthoritative);
    writer.target(nullptr, RrType::kCname, 60, *Name::parse("b.very.long.name.of.something.home"));
    const std::size_t size = writer.finish();
    // Owner 2, fixed part 10, "b" 2, pointer 2.
    EXPECT_EQ(size, q.packet.size() + 16);
    EXPECT_EQ(q.seen(size).answers.at(0),
              "a.very.long.name.of.something.home. 60 IN CNAME "
              "b.very.long.name.of.something.home.");
}

TEST(WireWriter, ASuffixInTheMiddleOfALabelIsNoSuffix) {
    // The octets of "\004home" also end the label "x\004home" of the question.
    Asked q({.name = "x\\004home."});
    ResponseWriter writer(q.out, q.asked, Rcode::kNoError, Authority::kAuthoritative);
    writer.target(nullptr, RrType::kCname, 60, *Name::parse("home"));
    EXPECT_EQ(q.seen(writer.finish()).answers.at(0), "x\\004home. 60 IN CNAME home.");
}

TEST(WireWriter, TheRootCanBeAsked) {
    Asked q({.name = ".", .type = RrType::kNs});
    ResponseWriter writer(q.out, q.asked, Rcode::kNoError, Authority::kRecursive);
    writer.target(nullptr, RrType::kNs, 60, *Name::parse("a.example"));
    const auto seen = q.seen(writer.finish());
    ASSERT_TRUE(seen.valid);
    EXPECT_EQ(seen.answers.at(0), ". 60 IN NS a.example.");
}

TEST(WireWriter, TruncatesToTheBareQuestionAndKeepsOpt) {
    Asked q({.name = "many.home.", .udp_size = 512});
    ResponseWriter writer(q.out, q.asked, Rcode::kNoError, Authority::kAuthoritative);
    for (int i = 0; i < 40; ++i)
        writer.address(nullptr, 60, IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(i)));
    const std::size_t size = writer.finish();
    const auto seen = q.seen(size);
    EXPECT_TRUE(seen.tc && seen.aa);
    EXPECT_TRUE(seen.answers.empty());
    EXPECT_TRUE(seen.edns);
    EXPECT_EQ(seen.question, "many.home. A");
    EXPECT_EQ(size, q.packet.size());
}

TEST(WireWriter, FitsExactlyOrTruncates) {
    for (std::size_t room = 0; room < 100; ++room) {
        Asked q({.name = "nas.home."});
        ResponseWriter writer(ByteSpan(q.out).first(room), q.asked, Rcode::kNoError,
                              Authority::kAuthoritative);
        writer.address(nullptr, 60, IpAddress::v4(10, 0, 0, 1));
        const std::size_t size = writer.finish();
        ASSERT_LE(size, room);
        if (size == 0) continue;
        const auto seen = q.seen(size);
        ASSERT_TRUE(seen.valid) << room;
        EXPECT_EQ(seen.tc, seen.answers.empty()) << room;
    }
}

TEST(WireWriter, SaysTheExtendedErrorIfItFits) {
    Asked q({.name = "ads.example."});
    ResponseWriter writer(q.out, q.asked, Rcode::kNxDomain, Authority::kRecursive);
    const auto seen =
        q.seen(writer.finish(ExtendedError{EdeCode::kBlocked, "Blocked by list ads"}));
    EXPECT_EQ(seen.rcode, "NXDOMAIN");
    EXPECT_EQ(seen.ede, 15);
    EXPECT_EQ(seen.ede_text, "Blocked by list ads");

    Asked plain({.name = "ads.example.", .edns = false});
    ResponseWriter second(plain.out, plain.asked, Rcode::kNxDomain, Authority::kRecursive);
    EXPECT_FALSE(plain.seen(second.finish(ExtendedError{EdeCode::kBlocked, "x"})).edns);

    Asked small({.name = "ads.example.", .udp_size = 512});
    ResponseWriter third(small.out, small.asked, Rcode::kNxDomain, Authority::kRecursive);
    const std::string long_text(600, 'x');
    const auto without = small.seen(third.finish(ExtendedError{EdeCode::kBlocked, long_text}));
    EXPECT_TRUE(without.edns);
    EXPECT_FALSE(without.tc);
    EXPECT_EQ(without.ede, -1);
}

TEST(WireWriter, BadVersNeedsTheUpperBitsInOpt) {
    Asked q({.name = "a.example."});
    ResponseWriter writer(q.out, q.asked, Rcode::kBadVers, Authority::kRecursive);
    const auto seen = q.seen(writer.finish());
    EXPECT_EQ(seen.rcode, "NOERROR") << "the lower four bits";
    EXPECT_EQ(seen.extended_rcode, 1U);
}

TEST(WireWriter, UdpSizesAreBounded) {
    EXPECT_EQ(Asked({.name = "a.", .edns = false}).asked.size_limit, 512U);
    EXPECT_EQ(Asked({.name = "a.", .udp_size = 100}).asked.size_limit, 512U);
    EXPECT_EQ(Asked({.name = "a.", .udp_size = 900}).asked.size_limit, 900U);
    EXPECT_EQ(Asked({.name = "a.", .udp_size = 4096}).asked.size_limit, 1232U);
}

TEST(WireWriter, QuestionsToUpstreams) {
    const Name qname = *Name::parse("www.example");
    const Packet tag = {1, 2, 3};
    Packet out(512);
    out.resize(write_upstream_question(out, {.id = 7,
                                             .qname = qname,
                                             .qtype = RrType::kAaaa,
                                             .checking_disabled = true,
                                             .dnssec_ok = true,
                                             .tag = tag}));
    const auto seen = see(out);
    ASSERT_TRUE(seen.valid);
    EXPECT_EQ(seen.id, 7);
    EXPECT_EQ(seen.question, "www.example. AAAA");
    EXPECT_TRUE(seen.rd && seen.cd && seen.edns && seen.dnssec_ok);
    EXPECT_FALSE(seen.qr);
    EXPECT_EQ(seen.options, (Packet{0xfd, 0xf3, 0, 3, 1, 2, 3}));

    out.assign(512, 0);
    out.resize(write_upstream_question(
        out, {.id = 7, .qname = qname, .qtype = RrType::kA, .edns_size = 0, .tag = {}}));
    EXPECT_TRUE(see(out).valid);
    EXPECT_FALSE(see(out).edns);

    out.assign(512, 0);
    out.resize(write_upstream_question(
        out, {.id = 7, .qname = qname, .qtype = RrType::kA, .tag = {}, .letters = 0b100'100}));
    EXPECT_EQ(see(out).question, "wWw.Example. A");
}

TEST(WireWriter, TellsUpstreamsOfASubnet) {
    const Name qname = *Name::parse("www.example");
    const auto options = [&](std::string_view subnet) {
        Packet out(512);
        out.resize(write_upstream_question(out, {.id = 7,
                                                 .qname = qname,
                                                 .qtype = RrType::kA,
                                                 .client_subnet = IpPrefix::parse(subnet)}));
        return see(out).options;
    };
    EXPECT_EQ(options("198.18.7.0/24"), (Packet{0, 8, 0, 7, 0, 1, 24, 0, 198, 18, 7}));
    EXPECT_EQ(options("198.16.0.0/12"), (Packet{0, 8, 0, 6, 0, 1, 12, 0, 198, 16}));
    EXPECT_EQ(options("2001:db8::/32"), (Packet{0, 8, 0, 8, 0, 2, 32, 0, 0x20, 1, 0x0d, 0xb8}));
    EXPECT_EQ(options("nothing"), Packet{});
}

}  // namespace
}  // namespace hearth::dns
