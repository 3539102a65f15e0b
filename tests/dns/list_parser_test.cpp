#include "dns/core/list_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace hearth::dns {
namespace {

// Writes rules as "line action scope name", the way the tables below expect them.
class Recorder : public RuleSink {
public:
    void on_rule(const ListRule& rule, const ListLine& line) override {
        text += std::to_string(line.number);
        text += rule.weight == RuleWeight::kImportant ? " important" : "";
        text += rule.is_badfilter ? " not" : "";
        text += rule.action == ListAction::kAllow ? " allow " : " block ";
        switch (rule.scope) {
            case RuleScope::kName: break;
            case RuleScope::kBelow: text += "*."; break;
            case RuleScope::kNameAndBelow: text += "."; break;
        }
        text += rule.name.to_string() + "\n";
        last_line = std::string(line.text);
    }
    bool on_filter(const FilterRule& rule, const ListLine& line) override {
        text += std::to_string(line.number) + " " + to_string(rule) + "\n";
        return true;
    }
    std::string text;
    std::string last_line;
};

struct Parsed {
    std::string rules;
    ListCounts counts;
    std::string last_line;
};

Parsed parse(std::string_view text, std::size_t piece = std::string_view::npos,
             ListKind kind = ListKind::kBlock) {
    Recorder recorder;
    ListParser parser(recorder, kind);
    for (std::string_view left = text; !left.empty();) {
        parser.feed(as_bytes(left.substr(0, piece)));
        left.remove_prefix(std::min(piece, left.size()));
    }
    parser.finish();
    return {recorder.text, parser.counts(), recorder.last_line};
}

struct Taken {
    std::string_view line;
    std::string_view rules;
};

class TakenLine : public testing::TestWithParam<Taken> {};

TEST_P(TakenLine, YieldsRules) {
    const Parsed p = parse(GetParam().line);
    EXPECT_EQ(p.rules, GetParam().rules);
    EXPECT_EQ(p.counts.invalid, 0U);
    EXPECT_EQ(p.counts.skipped, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, TakenLine,
    testing::Values(Taken{"0.0.0.0 ads.example", "1 block ads.example\n"},
                    Taken{"127.0.0.1\tads.example", "1 block ads.example\n"},
                    Taken{":: ads.example", "1 block ads.example\n"},
                    Taken{"::1 ads.example", "1 block ads.example\n"},
                    Taken{"  0.0.0.0   ads.example  ", "1 block ads.example\n"},
                    Taken{"0.0.0.0 a.example b.example", "1 block a.example\n1 block b.example\n"},
                    Taken{"0.0.0.0 a.example # why", "1 block a.example\n"},
                    Taken{"0.0.0.0 a.example ## why", "1 block a.example\n"},
                    Taken{"0.0.0.0 a.example\r", "1 block a.example\n"},
                    Taken{"0.0.0.0 0.0.0.0.example", "1 block 0.0.0.0.example\n"},
                    Taken{"0.0.0.0 under_score.example", "1 block under_score.example\n"}));

INSTANTIATE_TEST_SUITE_P(Plain, TakenLine,
                         testing::Values(Taken{"ads.example", "1 block ads.example\n"},
                                         Taken{"ADS.Example.", "1 block ads.example\n"},
                                         Taken{"\xef\xbb\xbf"
                                               "ads.example",
                                               "1 block ads.example\n"},
                                         Taken{"ads.example # why", "1 block ads.example\n"},
                                         Taken{"xn--bcher-kva.example",
                                               "1 block xn--bcher-kva.example\n"},
                                         Taken{"*.ads.example", "1 block .ads.example\n"},
                                         Taken{".ads.example", "1 block .ads.example\n"},
                                         Taken{"*.zip", "1 block .zip\n"}));

INSTANTIATE_TEST_SUITE_P(Adblock, TakenLine,
                         testing::Values(Taken{"||ads.example^", "1 block .ads.example\n"},
                                         Taken{"||ads.example^|", "1 block .ads.example\n"},
                                         Taken{"||ads.example.^", "1 block .ads.example\n"},
                                         Taken{"||zip^", "1 block .zip\n"},
                                         Taken{"||*.ads.example^", "1 block *.ads.example\n"},
                                         Taken{"@@||good.example^", "1 allow .good.example\n"},
                                         Taken{"@@||good.example^|", "1 allow .good.example\n"},
                                         Taken{"||ads.example^ # why", "1 block .ads.example\n"}));

INSTANTIATE_TEST_SUITE_P(
    Filters, TakenLine,
    testing::Values(
        Taken{"||ads.example", "1 block .ads.example\n"},
        Taken{"|ads.example^", "1 block ads.example\n"},
        Taken{"|ads.example|", "1 block ads.example\n"},
        Taken{"@@|ads.example^", "1 allow ads.example\n"},
        Taken{"||ads.example^$important", "1 important block .ads.example\n"},
        Taken{"@@||ads.example^$important", "1 important allow .ads.example\n"},
        Taken{"ads.example$important", "1 important block ads.example\n"},
        Taken{"||ads.example^$badfilter", "1 not block .ads.example\n"},
        Taken{"||ads.*^", "1 /(^|\\.)ads\\..*$/\n"}, Taken{"||ads.", "1 /(^|\\.)ads\\./\n"},
        Taken{"|ads.example", "1 /^ads\\.example/\n"},
        Taken{"ads.example^", "1 /ads\\.example$/\n"},
        Taken{"@@ads.example^", "1 @@/ads\\.example$/\n"}, Taken{"*ads*", "1 /.*ads.*/\n"},
        Taken{"/ads[0-9]+/", "1 /ads[0-9]+/\n"},
        Taken{"@@/^ads,[0-9]$/$important", "1 @@/^ads,[0-9]$/$important\n"},
        Taken{"*$denyallow=com|net", "1 *$denyallow=com|net\n"},
        Taken{"||a.example^$denyallow=b.a.example", "1 ||a.example^$denyallow=b.a.example\n"},
        Taken{"||a.example^$dnstype=~A|~AAAA", "1 ||a.example^$dnstype=~A|~AAAA\n"},
        Taken{"||a.example^$dnstype=https,important", "1 ||a.example^$important,dnstype=HTTPS\n"},
        Taken{"||a.example^$client=10.0.0.0/8|~'Anna\\'s pad'",
              "1 ||a.example^$client=10.0.0.0/8|~Anna\\'s pad\n"},
        Taken{"||a.example^$dnsrewrite=192.0.2.7",
              "1 ||a.example^$dnsrewrite=NOERROR;A;192.0.2.7\n"},
        Taken{"||a.example^$dnsrewrite=b.example",
              "1 ||a.example^$dnsrewrite=NOERROR;CNAME;b.example\n"},
        Taken{"|a.example^$dnsrewrite=REFUSED", "1 |a.example^$dnsrewrite=REFUSED\n"},
        Taken{"|a.example^$dnsrewrite=NXDOMAIN;;", "1 |a.example^$dnsrewrite=NXDOMAIN\n"},
        Taken{"@@||a.example^$dnsrewrite", "1 @@||a.example^$dnsrewrite\n"},
        Taken{"|a.example^$dnsrewrite=NOERROR;MX;10 mail.example",
              "1 |a.example^$dnsrewrite=NOERROR;MX;10 mail.example\n"},
        Taken{"|a.example^$dnsrewrite=NOERROR;TXT;one\\, two",
              "1 |a.example^$dnsrewrite=NOERROR;TXT;one\\, two\n"},
        Taken{"b\xc3\xbc"
              "cher.example",
              "1 block xn--bcher-kva.example\n"},
        Taken{"||b\xc3\xbc"
              "cher.example^",
              "1 block .xn--bcher-kva.example\n"}));

TEST(ListParser, EveryRuleOfAnAllowListAllows) {
    const Parsed p =
        parse("a.example\n0.0.0.0 b.example\n||c.example^\n@@||d.example^\n/^e[0-9]\\./\n",
              SIZE_MAX, ListKind::kAllow);
    EXPECT_EQ(p.rules,
              "1 allow a.example\n2 allow b.example\n3 allow .c.example\n4 allow .d.example\n"
              "5 @@/^e[0-9]\\./\n");
}

TEST(ListParser, ReadsAPolicyZone) {
    const std::string_view zone =
        "$TTL 60\n"
        "@ SOA localhost. root.localhost. (\n"
        "    1 300 1800\n"
        "    604800 30 ) ; serial and so on\n"
        "  NS localhost.\n"
        "; what is blocked\n"
        "ads.example CNAME .\n"
        "*.ads.example 300 IN CNAME *. ; all of it\n"
        "good.example CNAME rpz-passthru.\n"
        "drop.example CNAME rpz-drop.\n"
        "slow.example CNAME rpz-tcp-only.\n"
        "moved.example CNAME garden.house.example.\n"
        "nas.example A 192.0.2.1\n"
        "            A 192.0.2.2\n"
        "text.example TXT \"one, two; three\"\n"
        "24.0.2.0.192.rpz-ip CNAME .\n"
        "far.example. CNAME .\n";
    const Parsed p = parse(zone);
    EXPECT_EQ(p.rules,
              "7 block ads.example\n8 block *.ads.example\n9 allow good.example\n"
              "10 block drop.example\n"
              "12 |moved.example^$dnsrewrite=NOERROR;CNAME;garden.house.example\n"
              "13 |nas.example^$dnsrewrite=NOERROR;A;192.0.2.1\n"
              "14 |nas.example^$dnsrewrite=NOERROR;A;192.0.2.2\n"
              "15 |text.example^$dnsrewrite=NOERROR;TXT;one\\, two; three\n");
    EXPECT_EQ(p.counts.skipped, 2U);
    EXPECT_EQ(p.counts.invalid, 1U);
    for (std::size_t piece = 1; piece < 40; ++piece) EXPECT_EQ(parse(zone, piece).rules, p.rules);
}

TEST(ListParser, APolicyZonesNamesStandUnderItsOrigin) {
    const Parsed p = parse(
        "$ORIGIN rpz.local.\n@ 300 IN SOA a. b. 1 2 3 4 5\nads.example CNAME .\n"
        "*.more.example.rpz.local. CNAME .\nelse.example. CNAME .\n");
    EXPECT_EQ(p.rules, "3 block ads.example\n4 block *.more.example\n");
    EXPECT_EQ(p.counts.invalid, 1U);
}

INSTANTIATE_TEST_SUITE_P(Comments, TakenLine,
                         testing::Values(Taken{"# text", ""}, Taken{"#", ""}, Taken{"#text", ""},
                                         Taken{"## text", ""}, Taken{"########", ""},
                                         Taken{"! text", ""}, Taken{"; text", ""},
                                         Taken{"// text", ""}, Taken{"[Adblock Plus 2.0]", ""},
                                         Taken{"", ""}, Taken{" \t \r", ""},
                                         Taken{"\xef\xbb\xbf# text", ""}));

class SkippedLine : public testing::TestWithParam<std::string_view> {};

TEST_P(SkippedLine, IsCounted) {
    const Parsed p = parse(GetParam());
    EXPECT_EQ(p.rules, "");
    EXPECT_EQ(p.counts.skipped, 1U);
    EXPECT_EQ(p.counts.invalid, 0U);
    ASSERT_EQ(p.counts.skipped_examples.size(), 1U);
    EXPECT_EQ(p.counts.skipped_examples[0].number, 1U);
    EXPECT_FALSE(p.counts.skipped_examples[0].reason.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Unsupported, SkippedLine,
    testing::Values("||ads.example^$third-party", "@@||a.example^$all", "||ads.example/path",
                    "||ads.example^path", "||a^$important=1", "||a.example^$denyallow=",
                    "||a.example^$dnstype=NONE", "||a.example^$dnsrewrite",
                    "||a.example^$dnsrewrite=NOERROR;CAA;x", "||a.example^$dnsrewrite=OTHER;;",
                    "||a.example^$important,popup", "/banner", "/a(?=b)/", "/(x{99}){99}/", "*",
                    "*$important", "||b*^", "example.com##.banner", "##.banner", "#@#.banner",
                    "example.com#?#div:has(a)", "example.com$$script", "http://a.example/",
                    "127.0.0.1 localhost", "::1 ip6-localhost", "0.0.0.0 0.0.0.0", "0.0.0.0",
                    "2001:db8::1", "||192.0.2.1^", "255.255.255.255 broadcasthost",
                    "fe80::1%lo0 localhost", "ff02::1 ip6-allnodes", "10.0.0.5 nas.home"));

class InvalidLine : public testing::TestWithParam<std::string_view> {};

TEST_P(InvalidLine, IsCounted) {
    const Parsed p = parse(GetParam());
    EXPECT_EQ(p.rules, "");
    EXPECT_EQ(p.counts.invalid, 1U);
    EXPECT_EQ(p.counts.skipped, 0U);
    ASSERT_EQ(p.counts.invalid_examples.size(), 1U);
    EXPECT_FALSE(p.counts.invalid_examples[0].reason.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Broken, InvalidLine,
    testing::Values("<!DOCTYPE html>", "Forbidden", "-banner.", "not found", "0.0.0.0 word",
                    "a..example", "||^", "||.^", ".", "*.", "ads.example\\", "a.b(c).example",
                    "@@||a..b^",
                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
                    std::string_view("ads\0.example", 12), "\x1f\x8b\x08.gz", "ads.example foo"));

TEST(ListParser, OneBadNameInAHostsLineDoesNotCostTheOthers) {
    const Parsed p = parse("0.0.0.0 a.example b..example localhost c.example");
    EXPECT_EQ(p.rules, "1 block a.example\n1 block c.example\n");
    EXPECT_EQ(p.counts.taken, 2U);
    EXPECT_EQ(p.counts.invalid, 1U);
    EXPECT_EQ(p.counts.skipped, 1U);
}

TEST(ListParser, KeepsTheFirstExamplesPrintable) {
    const Parsed p = parse("\x01\xff first\nb..c\nd..e\nf..g\nh..i\n");
    EXPECT_EQ(p.counts.invalid, 5U);
    ASSERT_EQ(p.counts.invalid_examples.size(), 3U);
    EXPECT_EQ(p.counts.invalid_examples[0].text, "?? first");
    EXPECT_EQ(p.counts.invalid_examples[2].number, 3U);
}

TEST(ListParser, LongLineIsOneInvalidLine) {
    const Parsed p = parse(std::string(1'000'000, 'a') + "\nads.example\n");
    EXPECT_EQ(p.rules, "2 block ads.example\n");
    EXPECT_EQ(p.counts.invalid, 1U);
    EXPECT_LT(p.counts.invalid_examples[0].text.size(), 100U);
}

TEST(ListParser, GivesTheLinesText) {
    EXPECT_EQ(parse("  ||ads.example^ # why\r\n").last_line, "||ads.example^ # why");
}

constexpr std::string_view kMixed =
    "\xef\xbb\xbf[Adblock Plus]\r\n! comment\r\n||a.example^\r\n0.0.0.0 b.example c.example # x\r\n"
    "\r\n*.d.example\n##.banner\n@@||e.example^\nf..g\n127.0.0.1 localhost\nlast.example";

TEST(ListParser, ReadsHowManyEntriesTheHeadAnnounces) {
    EXPECT_EQ(parse("! Title: x\n! Entries: 143,876\n").counts.announced, 143'876U);
    EXPECT_EQ(parse("# Number of unique domains: 76,036\n").counts.announced, 76'036U);
    EXPECT_EQ(parse("# Number of entries: 12\n# Entries: 13\n").counts.announced, 12U);
    EXPECT_EQ(parse("# Entries: many\n").counts.announced, 0U);
    EXPECT_EQ(parse("# Version: 12\n").counts.announced, 0U);
    EXPECT_EQ(parse(std::string(100, '\n') + "# Entries: 12\n").counts.announced, 0U);
}

TEST(ListParser, SplitAtEveryByte) {
    const Parsed whole = parse(kMixed);
    EXPECT_EQ(whole.rules,
              "3 block .a.example\n4 block b.example\n4 block c.example\n6 block .d.example\n"
              "8 allow .e.example\n11 block last.example\n");
    for (std::size_t split = 1; split < kMixed.size(); ++split) {
        Recorder recorder;
        ListParser parser(recorder);
        parser.feed(as_bytes(kMixed.substr(0, split)));
        parser.feed(as_bytes(kMixed.substr(split)));
        parser.finish();
        ASSERT_EQ(recorder.text, whole.rules) << "split at " << split;
        ASSERT_EQ(parser.counts().skipped, whole.counts.skipped);
        ASSERT_EQ(parser.counts().invalid, whole.counts.invalid);
    }
    EXPECT_EQ(parse(kMixed, 1).rules, whole.rules);
}

TEST(ListParser, LongLineSplitAnywhereCountsTheSame) {
    for (const std::size_t length : {4095U, 4096U, 4097U, 9000U}) {
        const std::string text = std::string(length, 'a') + "\r\nads.example\n";
        const Parsed whole = parse(text);
        EXPECT_EQ(whole.counts.invalid, 1U);
        for (const std::size_t piece : {1U, 7U, 4096U, 4097U}) {
            const Parsed p = parse(text, piece);
            EXPECT_EQ(p.rules, whole.rules);
            EXPECT_EQ(p.counts.invalid_examples[0].reason, whole.counts.invalid_examples[0].reason);
        }
    }
}

TEST(RuleCovers, FollowsTheScope) {
    const Name apex = Name::parse("ads.example").value();
    const Name below = Name::parse("x.ads.example").value();
    const auto rule = [&](RuleScope scope) { return ListRule{apex, scope, ListAction::kBlock}; };
    EXPECT_TRUE(covers(rule(RuleScope::kName), apex));
    EXPECT_FALSE(covers(rule(RuleScope::kName), below));
    EXPECT_FALSE(covers(rule(RuleScope::kBelow), apex));
    EXPECT_TRUE(covers(rule(RuleScope::kBelow), below));
    EXPECT_TRUE(covers(rule(RuleScope::kNameAndBelow), apex));
    EXPECT_TRUE(covers(rule(RuleScope::kNameAndBelow), below));
    EXPECT_FALSE(covers(rule(RuleScope::kNameAndBelow), Name::parse("example").value()));
}

}  // namespace
}  // namespace hearth::dns
