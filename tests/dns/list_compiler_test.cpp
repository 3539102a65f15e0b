#include "dns/core/list_compiler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace hearth::dns {
namespace {

ListRule block(const std::string& text, RuleScope scope = RuleScope::kName) {
    return {Name::parse(text).value(), scope, ListAction::kBlock};
}

TEST(ListCompiler, SameRulesInAnyOrderGiveSameBytes) {
    std::vector<ListRule> rules;
    for (int i = 0; i < 5000; ++i)
        rules.push_back(block("n" + std::to_string(i % 4000) + ".example",
                              i % 3 == 0 ? RuleScope::kNameAndBelow : RuleScope::kName));
    const auto compile = [&] {
        ListCompiler compiler({1, 2});
        EXPECT_TRUE(compiler.begin_list("list"));
        for (const ListRule& rule : rules) compiler.add(rule);
        return compiler.finish().value();
    };
    const auto first = compile();
    std::shuffle(rules.begin(), rules.end(), std::mt19937(3));
    EXPECT_EQ(compile(), first);
}

TEST(ListCompiler, IsEmptyAfterFinish) {
    ListCompiler compiler({1, 2});
    ASSERT_TRUE(compiler.begin_list("list"));
    compiler.add(block("a.example"));
    ASSERT_TRUE(compiler.finish());
    const auto image = compiler.finish().value();
    const auto set = BlockSet::open(image).value();
    EXPECT_EQ(set.size(), 0U);
    EXPECT_TRUE(set.lists().empty());
}

TEST(ListCompiler, TakesSixtyFourLists) {
    ListCompiler compiler({1, 2});
    for (std::size_t i = 0; i < kMaxLists; ++i) {
        ASSERT_TRUE(compiler.begin_list("list" + std::to_string(i)));
        compiler.add(block("only" + std::to_string(i) + ".example"));
    }
    const auto refused = compiler.begin_list("one-more");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kTooLarge);
    const auto image = compiler.finish().value();
    const auto set = BlockSet::open(image).value();
    EXPECT_EQ(set.match(Name::parse("only63.example").value()), (Match{ListAction::kBlock, 63}));
}

TEST(ListCompiler, CostsLessThanNineBytesPerName) {
    ListCompiler compiler({1, 2});
    ASSERT_TRUE(compiler.begin_list("list"));
    constexpr std::size_t kNames = 50'000;
    for (std::size_t i = 0; i < kNames; ++i)
        compiler.add(block("n" + std::to_string(i) + ".example"));
    EXPECT_LT(compiler.finish()->size(), kNames * 9 + 200);
}

// More combinations of lists than there are rule set numbers: the names that find none left get
// several entries, and still say everything.
TEST(ListCompiler, OutlivesTheRuleSetNumbers) {
    constexpr std::uint32_t kNames = 70'000;
    const auto lists_of = [](std::uint32_t i) { return ListMask{i} * 0x9e3779b97f4a7c15U; };
    ListCompiler compiler({1, 2});
    for (unsigned list = 0; list < kMaxLists; ++list) {
        ASSERT_TRUE(compiler.begin_list(std::to_string(list)));
        for (std::uint32_t i = 1; i <= kNames; ++i) {
            if ((lists_of(i) >> list & 1) != 0)
                compiler.add(block("n" + std::to_string(i) + ".example", RuleScope::kNameAndBelow));
        }
    }
    const auto image = compiler.finish().value();
    const auto set = BlockSet::open(image);
    ASSERT_TRUE(set) << set.error().to_string();
    EXPECT_GT(set->size(), kNames);
    for (std::uint32_t i = 1; i <= kNames; i += 7) {
        const Name name = Name::parse("x.n" + std::to_string(i) + ".example").value();
        for (unsigned list = 0; list < kMaxLists; ++list) {
            const bool listed = (lists_of(i) >> list & 1) != 0;
            ASSERT_EQ(set->match(name, ListMask{1} << list).action == ListAction::kBlock, listed);
        }
    }
}

}  // namespace
}  // namespace hearth::dns
