#include "dns/core/local_answer.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>

#include "dns/core/special_names.h"
#include "tests/dns/packets.h"

// What is written of local names, as ldns reads it.
namespace hearth::dns::test {
namespace {

using Texts = std::vector<std::string>;

Name name(std::string_view text) { return *Name::parse(text); }

class LocalAnswerTest : public testing::Test {
protected:
    LocalAnswerTest() {
        add_special_names(*zones);
        zones->add_zone({name("home")});
        snapshot.zones = zones;
        snapshot.domain = name("home");
        snapshot.primary = name("dns.home");
    }

    void add(const std::string& owner, std::uint32_t ttl, const std::string& type_and_data) {
        const auto record = record_of(owner + ". 1 IN " + type_and_data);
        if (record.type == RrType::kCname) {
            zones->add_cname(name(owner), *Name::from_wire(record.rdata), ttl);
        } else {
            zones->add_record(name(owner), record.type, record.rdata, ttl);
        }
    }

    Seen answer(const Ask& question, std::uint32_t rotation = 0, std::size_t limit = 1232) {
        const Packet packet = ask(question);
        QueryView query;
        EXPECT_EQ(parse_query(packet, query), QueryFault::kNone);
        AskedQuestion asked = AskedQuestion::over_udp(query);
        asked.size_limit = limit;
        const LocalPath path = find_local(snapshot, query.qname, query.qtype);
        EXPECT_FALSE(path.leads_outside());
        std::array<std::uint8_t, kEdnsUdpSize> out;
        const auto written = write_local(out, asked, query.qtype, snapshot, path, rotation);
        return see(ByteView(out).first(written.size));
    }

    std::shared_ptr<LocalZones> zones = std::make_shared<LocalZones>();
    Snapshot snapshot;
};

TEST_F(LocalAnswerTest, EveryTypeIsSentAsItWasGiven) {
    const Texts all{"A 10.0.0.1",
                    "AAAA fd00::1",
                    "PTR other.home.",
                    "MX 10 mail.home.",
                    "TXT \"one\" \"two\"",
                    "SRV 0 5 5060 sip.home.",
                    "CAA 0 issue \"ca.example\"",
                    "SVCB 1 dot.home. alpn=dot port=853",
                    "HTTPS 1 . alpn=h2 ipv4hint=10.0.0.1",
                    "NAPTR 10 100 \"s\" \"SIP+D2U\" \"\" _sip._udp.home.",
                    "SSHFP 4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                    "URI 10 1 \"https://x/\"",
                    "LOC 52 22 23.000 N 04 53 32.000 E -2m 0.00m 10000m 10m",
                    "HINFO \"a\" \"b\"",
                    "RP a.home. b.home.",
                    "AFSDB 1 a.home.",
                    "DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                    "TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                    "NS a.home.",
                    "TYPE65280 \\# 3 010203"};
    for (const auto& text : all) add("x.home", 77, text);
    for (const auto& text : all) {
        const RrType type = record_of("x.home. 1 IN " + text).type;
        const Seen seen = answer({.name = "x.home", .type = type});
        ASSERT_TRUE(seen.valid) << text;
        EXPECT_EQ(seen.answers, Texts{"x.home. 77 IN " + text});
        EXPECT_TRUE(seen.authority.empty());
    }
}

TEST_F(LocalAnswerTest, AddressesOfTargetsComeAlongWhenTheyFit) {
    add("home", 60, "MX 10 mail.home.");
    add("home", 60, "MX 20 elsewhere.example.");
    add("mail.home", 30, "A 10.0.0.1");
    add("mail.home", 30, "AAAA fd00::1");
    add("_x._tcp.home", 60, "SRV 0 0 1 mail.home.");
    add("mail.home", 60, "HTTPS 1 . alpn=h2");
    const Texts addresses{"mail.home. 30 IN A 10.0.0.1", "mail.home. 30 IN AAAA fd00::1"};
    EXPECT_EQ(answer({.name = "home", .type = RrType::kMx}).additional, addresses);
    EXPECT_EQ(answer({.name = "_x._tcp.home", .type = RrType::kSrv}).additional, addresses);
    EXPECT_EQ(answer({.name = "mail.home", .type = RrType::kHttps}).additional, addresses);
    const Seen tight = answer({.name = "home", .type = RrType::kMx}, 0, 95);
    EXPECT_FALSE(tight.tc);
    EXPECT_EQ(tight.answers.size(), 2U);
    EXPECT_TRUE(tight.additional.empty());
    EXPECT_TRUE(answer({.name = "home", .type = RrType::kMx}, 0, 60).tc);
}

TEST_F(LocalAnswerTest, RecordsTakeTurns) {
    for (int i = 1; i <= 3; ++i) add("many.home", 60, "A 10.0.0." + std::to_string(i));
    std::set<std::string> firsts;
    for (std::uint32_t rotation = 0; rotation < 3; ++rotation) {
        const Seen seen = answer({.name = "many.home"}, rotation);
        ASSERT_EQ(seen.answers.size(), 3U);
        firsts.insert(seen.answers[0]);
    }
    EXPECT_EQ(firsts.size(), 3U);
}

TEST_F(LocalAnswerTest, AZonesOwnSoaGoesWithWhatItHasNot) {
    zones->add_zone({name("z.home")});
    add("z.home", 600, "SOA ns.z.home. admin.z.home. 7 3600 600 86400 30");
    add("a.z.home", 600, "A 10.0.0.1");
    const std::string data = " IN SOA ns.z.home. admin.z.home. 7 3600 600 86400 30";
    EXPECT_EQ(answer({.name = "no.z.home"}).authority, Texts{"z.home. 30" + data});
    EXPECT_EQ(answer({.name = "a.z.home", .type = RrType::kTxt}).authority,
              Texts{"z.home. 30" + data});
    EXPECT_EQ(answer({.name = "z.home", .type = RrType::kSoa}).answers,
              Texts{"z.home. 600" + data});
    EXPECT_EQ(answer({.name = "z.home", .type = RrType::kNs}).answers,
              Texts{"z.home. 60 IN NS dns.home."})
        << "without one of its own, the zone's server is this one";
}

TEST_F(LocalAnswerTest, ANameOutsideOfAllZonesIsAZoneOfItsOwn) {
    add("nas.example.com", 30, "A 10.0.0.9");
    EXPECT_EQ(answer({.name = "nas.example.com"}).answers,
              Texts{"nas.example.com. 30 IN A 10.0.0.9"});
    const Seen other = answer({.name = "nas.example.com", .type = RrType::kAaaa});
    EXPECT_EQ(other.rcode, "NOERROR");
    ASSERT_EQ(other.authority.size(), 1U);
    EXPECT_TRUE(other.authority[0].starts_with("nas.example.com. 60 IN SOA dns.home."));
    EXPECT_TRUE(find_local(snapshot, name("below.nas.example.com"), RrType::kA).leads_outside());
    EXPECT_TRUE(find_local(snapshot, name("example.com"), RrType::kA).leads_outside());
}

TEST_F(LocalAnswerTest, CnamesKeepTheirTtlAndEndSomewhere) {
    add("one.home", 5, "CNAME two.home.");
    add("two.home", 6, "CNAME end.home.");
    add("end.home", 7, "A 10.0.0.1");
    EXPECT_EQ(answer({.name = "one.home"}).answers,
              (Texts{"one.home. 5 IN CNAME two.home.", "two.home. 6 IN CNAME end.home.",
                     "end.home. 7 IN A 10.0.0.1"}));
    add("round.home", 5, "CNAME about.home.");
    add("about.home", 5, "CNAME round.home.");
    EXPECT_EQ(answer({.name = "round.home"}).rcode, "SERVFAIL");
}

// The zone of RFC 4592 §2.2.1 and what it says of each question.
TEST_F(LocalAnswerTest, WildcardsOfRfc4592) {
    zones->add_zone({name("example")});
    add("*.example", 60, "TXT \"wild\"");
    add("*.example", 60, "MX 10 host1.example.");
    add("sub.*.example", 60, "TXT \"below a star\"");
    add("host1.example", 60, "A 192.0.2.1");
    add("_ssh._tcp.host1.example", 60, "SRV 0 0 22 host1.example.");
    add("_ssh._tcp.host2.example", 60, "SRV 0 0 22 host2.example.");
    EXPECT_EQ(answer({.name = "host3.example", .type = RrType::kMx}).answers.size(), 1U);
    EXPECT_EQ(answer({.name = "host3.example", .type = RrType::kA}).rcode, "NOERROR");
    EXPECT_TRUE(answer({.name = "host3.example", .type = RrType::kA}).answers.empty());
    EXPECT_EQ(answer({.name = "foo.bar.example", .type = RrType::kTxt}).answers.size(), 1U);
    for (const char* exists : {"host1.example", "sub.*.example", "host2.example"})
        EXPECT_TRUE(answer({.name = exists, .type = RrType::kMx}).answers.empty()) << exists;
    for (const char* missing : {"_telnet._tcp.host1.example", "ghost.*.example"})
        EXPECT_EQ(answer({.name = missing, .type = RrType::kMx}).rcode, "NXDOMAIN") << missing;
}

}  // namespace
}  // namespace hearth::dns::test
