#include "dns/core/filter_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "dns/core/block_policy.h"
#include "dns/core/client_names.h"
#include "dns/core/list_compiler.h"
#include "dns/core/list_parser.h"

namespace hearth::dns {
namespace {

Name name(std::string_view text) { return Name::parse(text).value(); }

// Lists as text, compiled and opened as hearth-dns does.
class Compiled {
public:
    explicit Compiled(const std::vector<std::string_view>& lists) {
        ListCompiler compiler({7, 9});
        for (std::size_t i = 0; i < lists.size(); ++i) {
            EXPECT_TRUE(compiler.begin_list(std::to_string(i)));
            Sink sink(compiler);
            ListParser parser(sink);
            parser.feed(as_bytes(lists[i]));
            parser.finish();
            EXPECT_EQ(parser.counts().skipped + parser.counts().invalid, 0U) << lists[i];
        }
        image_ = compiler.finish().value();
        auto opened = BlockSet::open(image_);
        EXPECT_TRUE(opened) << opened.error().to_string();
        set = *opened;
    }
    [[nodiscard]] std::string verdict(std::string_view text, RrType type = RrType::kA,
                                      std::string_view client = {},
                                      ListMask lists = kAllLists) const {
        Asker asker;
        const auto address = IpAddress::parse(client);
        if (address) asker = {&*address, &names};
        const Match match = set.match(name(text), lists, type, asker);
        const std::string personal = match.is_personal ? " personal" : "";
        switch (match.action) {
            case ListAction::kNone: return "none" + personal;
            case ListAction::kAllow: return "allow" + personal;
            case ListAction::kBlock: return "block" + personal;
            case ListAction::kRewrite: break;
        }
        return "rewrite" + personal;
    }

    BlockSet set;
    ClientNames names;

private:
    class Sink : public RuleSink {
    public:
        explicit Sink(ListCompiler& compiler) : compiler_(compiler) {}
        void on_rule(const ListRule& rule, const ListLine&) override { compiler_.add(rule); }
        bool on_filter(const FilterRule& rule, const ListLine&) override {
            return compiler_.add(rule);
        }

    private:
        ListCompiler& compiler_;
    };
    std::vector<std::uint8_t> image_;
};

TEST(FilterRules, ImportantGoesBeforeAllAndAllowBeforeBlock) {
    const Compiled c(
        {"||a.example^\n@@||a.example^\n||b.example^$important\n@@||b.example^\n"
         "||c.example^$important\n@@||c.example^$important\n"});
    EXPECT_EQ(c.verdict("x.a.example"), "allow");
    EXPECT_EQ(c.verdict("x.b.example"), "block");
    EXPECT_EQ(c.verdict("x.c.example"), "allow");
    EXPECT_EQ(c.set.filters(), nullptr);  // all of it in the masks
}

TEST(FilterRules, BadfilterTakesTheSameRuleBackInEveryList) {
    const Compiled c(
        {"||a.example^\n||b.example^\n|b.example^\n/^c[0-9]/\n||d.example^$dnstype=A\n",
         "||a.example^$badfilter\n||b.example^$badfilter\n/^c[0-9]/$badfilter\n"
         "||d.example^$dnstype=AAAA,badfilter\n"});
    EXPECT_EQ(c.verdict("a.example"), "none");
    EXPECT_EQ(c.verdict("b.example"), "block");
    EXPECT_EQ(c.verdict("x.b.example"), "none");
    EXPECT_EQ(c.verdict("c1.example"), "none");
    EXPECT_EQ(c.verdict("d.example"), "block");
}

TEST(FilterRules, PatternsAreFoundAnywhereUnlessAnchored) {
    const Compiled c(
        {"|ads*.example^\n||banner.\nend.test^\n/^r[0-9]+\\.re\\./"
         "\n@@||good.ads.example^\n*-track-*\n"});
    EXPECT_EQ(c.verdict("ads1.example"), "block");
    EXPECT_EQ(c.verdict("x.ads1.example"), "none");
    EXPECT_EQ(c.verdict("ads.good.ads.example"), "allow");
    EXPECT_EQ(c.verdict("x-track-y.test"), "block");
    EXPECT_EQ(c.verdict("banner.test"), "block");
    EXPECT_EQ(c.verdict("x.banner.test"), "block");
    EXPECT_EQ(c.verdict("mybanner.test"), "none");
    EXPECT_EQ(c.verdict("the-end.test"), "block");
    EXPECT_EQ(c.verdict("end.test.example"), "none");
    EXPECT_EQ(c.verdict("R12.RE.example"), "block");
    EXPECT_EQ(c.verdict("r.re.example"), "none");
}

TEST(FilterRules, DenyallowAndTypesAreConditions) {
    const Compiled c(
        {"*$denyallow=com|good.net\n||t.com^$dnstype=AAAA|HTTPS\n||n.com^$dnstype=~A\n"});
    EXPECT_EQ(c.verdict("a.org"), "block");
    EXPECT_EQ(c.verdict("a.net"), "block");
    EXPECT_EQ(c.verdict("a.good.net"), "none");
    EXPECT_EQ(c.verdict("a.com"), "none");
    EXPECT_EQ(c.verdict("t.com", RrType::kA), "none");
    EXPECT_EQ(c.verdict("t.com", RrType::kHttps), "block");
    EXPECT_EQ(c.verdict("n.com", RrType::kA), "none");
    EXPECT_EQ(c.verdict("n.com", RrType::kTxt), "block");
}

TEST(FilterRules, ClientsByAddressNetworkAndName) {
    Compiled c(
        {"||a.example^$client=10.0.0.7|fd00::/64\n||b.example^$client=~10.0.0.0/24\n"
         "||c.example^$client='Anna\\'s pad'\n"});
    const Name home = name("home");
    c.names.add(*IpAddress::parse("10.0.0.9"), *home.child("Anna's pad"), home);
    EXPECT_EQ(c.verdict("a.example", RrType::kA, "10.0.0.7"), "block personal");
    EXPECT_EQ(c.verdict("a.example", RrType::kA, "10.0.0.8"), "none personal");
    EXPECT_EQ(c.verdict("a.example", RrType::kA, "fd00::9"), "block personal");
    EXPECT_EQ(c.verdict("b.example", RrType::kA, "10.0.0.7"), "none personal");
    EXPECT_EQ(c.verdict("b.example", RrType::kA, "10.0.1.7"), "block personal");
    EXPECT_EQ(c.verdict("other.example", RrType::kA, "10.0.0.7"), "none");
}

TEST(FilterRules, ListsAreChosenByMask) {
    const Compiled c({"/^a/\n||b.example^$dnstype=A\n", "@@/^a[0-9]/\n"});
    EXPECT_EQ(c.verdict("a1.example"), "allow");
    EXPECT_EQ(c.verdict("a1.example", RrType::kA, {}, 1), "block");
    EXPECT_EQ(c.verdict("a1.example", RrType::kA, {}, 2), "allow");
    EXPECT_EQ(c.verdict("b.example", RrType::kA, {}, 2), "none");
    const Match match = c.set.match(name("b.example"));
    EXPECT_EQ(match.list, 0U);
}

TEST(FilterRules, RewritingGoesFirstAndRecordsOfOneRuleAddUp) {
    const Compiled c(
        {"@@||a.example^$important\n|a.example^$dnsrewrite=192.0.2.1\n"
         "|a.example^$dnsrewrite=192.0.2.2\n|a.example^$dnsrewrite=NOERROR;TXT;hi\n"
         "||b.example^$dnsrewrite=REFUSED\n@@|free.b.example^$dnsrewrite\n"});
    EXPECT_EQ(c.verdict("a.example"), "rewrite");
    EXPECT_EQ(c.verdict("x.a.example"), "allow");
    const auto& answer = c.set.filters()->rewrite(c.set.match(name("a.example")).rewrite);
    EXPECT_EQ(answer.rcode, Rcode::kNoError);
    EXPECT_EQ(answer.node.addresses().size(), 2U);
    ASSERT_NE(answer.node.find(RrType::kTxt), nullptr);
    EXPECT_EQ(c.verdict("b.example"), "rewrite");
    EXPECT_EQ(c.set.filters()->rewrite(c.set.match(name("x.b.example")).rewrite).rcode,
              Rcode::kRefused);
    EXPECT_EQ(c.verdict("free.b.example"), "none");
}

TEST(FilterRules, ManyPatternsAreTriedAtOnce) {
    std::string list;
    for (int i = 0; i < 3000; ++i)
        list += "/^ad" + std::to_string(i) + "-[a-z]{1,8}\\.(net|org)$/\n";
    const Compiled c({list});
    EXPECT_EQ(c.verdict("ad0-x.net"), "block");
    EXPECT_EQ(c.verdict("ad2999-abc.org"), "block");
    EXPECT_EQ(c.verdict("ad3000-abc.org"), "none");
    EXPECT_EQ(c.verdict("ad17-abcdefghi.org"), "none");
}

}  // namespace
}  // namespace hearth::dns
