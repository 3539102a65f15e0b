#include "dns/core/block_policy.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

Name name(std::string_view text) { return *Name::parse(text); }

TEST(NameRules, TheNearestRuleWins) {
    NameRules rules;
    rules.add(name("example"), RuleReach::kNameAndBelow);
    rules.add(name("a.example"), RuleReach::kBelowOnly);
    EXPECT_EQ(rules.match(name("example")), 0U);
    EXPECT_EQ(rules.match(name("b.example")), 0U);
    EXPECT_EQ(rules.match(name("a.example")), 0U) << "its own rule is about what is below";
    EXPECT_EQ(rules.match(name("x.a.example")), 1U);
    EXPECT_FALSE(rules.match(name("xexample")));
    EXPECT_FALSE(rules.match(name("org")));
    EXPECT_EQ(rules.texts(), (std::vector<std::string>{"example", "*.a.example"}));
}

TEST(NameRules, ARuleForTheRootIsForAll) {
    NameRules rules;
    EXPECT_FALSE(rules.match(name("a.example")));
    rules.add(Name{}, RuleReach::kBelowOnly);
    EXPECT_EQ(rules.match(name("a.example")), 0U);
    EXPECT_FALSE(rules.match(Name{}));
}

TEST(BlockPolicy, AllowBeatsDenyAndSwitchedOffMeansNothing) {
    auto allow = std::make_shared<NameRules>();
    allow->add(name("good.ads.example"), RuleReach::kNameAndBelow);
    auto deny = std::make_shared<NameRules>();
    deny->add(name("ads.example"), RuleReach::kNameAndBelow);
    BlockPolicy policy;
    policy.allow = allow;
    policy.deny = deny;
    EXPECT_TRUE(policy.verdict(name("x.ads.example")).blocked());
    EXPECT_TRUE(policy.verdict(name("x.good.ads.example")).allowed_by_rule());
    EXPECT_EQ(policy.verdict(name("example")).source, VerdictSource::kNothing);
    EXPECT_EQ(policy.explain(policy.verdict(name("ads.example"))), "Blocked by a deny rule");
    policy.enabled = false;
    EXPECT_FALSE(policy.verdict(name("x.ads.example")).blocked());
}

}  // namespace
}  // namespace hearth::dns
