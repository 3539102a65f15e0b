#include "dns/core/blocklist.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "dns/core/list_compiler.h"

namespace hearth::dns {
namespace {

Name name(std::string_view text) { return Name::parse(text).value(); }

ListRule block(std::string_view text, RuleScope scope = RuleScope::kName) {
    return {name(text), scope, ListAction::kBlock};
}
ListRule allow(std::string_view text, RuleScope scope = RuleScope::kNameAndBelow) {
    return {name(text), scope, ListAction::kAllow};
}

// An image and its reader. Each inner vector is a list, named "0", "1", ….
class Compiled {
public:
    explicit Compiled(const std::vector<std::vector<ListRule>>& lists, SipKey key = {7, 9}) {
        ListCompiler compiler(key);
        for (std::size_t i = 0; i < lists.size(); ++i) {
            EXPECT_TRUE(compiler.begin_list(std::to_string(i)));
            for (const ListRule& rule : lists[i]) compiler.add(rule);
        }
        image = compiler.finish().value();
        auto opened = BlockSet::open(image);
        EXPECT_TRUE(opened) << opened.error().to_string();
        set = *opened;
    }
    Match match(std::string_view text, ListMask lists = kAllLists) const {
        return set.match(name(text), lists);
    }

    std::vector<std::uint8_t> image;
    BlockSet set;
};

constexpr Match kNothing{};
constexpr Match blocked_by(std::uint32_t list) { return {ListAction::kBlock, list}; }
constexpr Match allowed_by(std::uint32_t list) { return {ListAction::kAllow, list}; }

TEST(BlockSet, EmptyMatchesNothing) {
    EXPECT_EQ(BlockSet().match(name("ads.example")), kNothing);
    const Compiled empty({});
    EXPECT_EQ(empty.match("ads.example"), kNothing);
    EXPECT_EQ(empty.set.size(), 0U);
}

TEST(BlockSet, ExactRuleIsAboutThatNameAlone) {
    const Compiled c({{block("ads.example")}});
    EXPECT_EQ(c.match("ads.example"), blocked_by(0));
    EXPECT_EQ(c.match("ADS.example"), blocked_by(0));
    EXPECT_EQ(c.match("x.ads.example"), kNothing);
    EXPECT_EQ(c.match("example"), kNothing);
    EXPECT_EQ(c.match("."), kNothing);
}

TEST(BlockSet, SubtreeRules) {
    const Compiled c(
        {{block("both.example", RuleScope::kNameAndBelow),
          block("below.example", RuleScope::kBelow), block("tld", RuleScope::kNameAndBelow)}});
    EXPECT_EQ(c.match("both.example"), blocked_by(0));
    EXPECT_EQ(c.match("a.b.c.both.example"), blocked_by(0));
    EXPECT_EQ(c.match("notboth.example"), kNothing);
    EXPECT_EQ(c.match("below.example"), kNothing);
    EXPECT_EQ(c.match("a.below.example"), blocked_by(0));
    EXPECT_EQ(c.match("tld"), blocked_by(0));
    EXPECT_EQ(c.match("any.thing.tld"), blocked_by(0));
}

TEST(BlockSet, AllowBeatsBlockHoweverDistant) {
    const Compiled c({{block("x.good.example"), block("bad.example", RuleScope::kNameAndBelow)},
                      {allow("good.example"), allow("one.bad.example", RuleScope::kName)}});
    EXPECT_EQ(c.match("x.good.example"), allowed_by(1));
    EXPECT_EQ(c.match("one.bad.example"), allowed_by(1));
    EXPECT_EQ(c.match("a.one.bad.example"), blocked_by(0));
    EXPECT_EQ(c.match("two.bad.example"), blocked_by(0));
}

TEST(BlockSet, NearestRuleThenLowestListIsNamed) {
    const Compiled c({{block("example", RuleScope::kNameAndBelow)},
                      {block("ads.example")},
                      {block("ads.example"), block("ads.example", RuleScope::kBelow)}});
    EXPECT_EQ(c.match("ads.example"), blocked_by(1));
    EXPECT_EQ(c.match("x.ads.example"), blocked_by(2));
    EXPECT_EQ(c.match("other.example"), blocked_by(0));
}

TEST(BlockSet, MaskChoosesLists) {
    const Compiled c({{block("ads.example")}, {block("ads.example")}, {allow("ads.example")}});
    EXPECT_EQ(c.match("ads.example"), allowed_by(2));
    EXPECT_EQ(c.match("ads.example", 0b011), blocked_by(0));
    EXPECT_EQ(c.match("ads.example", 0b010), blocked_by(1));
    EXPECT_EQ(c.match("ads.example", 0b000), kNothing);
}

TEST(BlockSet, TellsItsLists) {
    const Compiled c({{block("a.example"), block("b.example"), block("a.example")}, {}});
    ASSERT_EQ(c.set.lists().size(), 2U);
    EXPECT_EQ(c.set.lists()[0].name, "0");
    EXPECT_EQ(c.set.lists()[0].rules, 3U);
    EXPECT_EQ(c.set.lists()[1].rules, 0U);
    EXPECT_EQ(c.set.size(), 2U);
    EXPECT_EQ(c.set.key(), (SipKey{7, 9}));
}

TEST(BlockSet, EqualsAPlainSetOnManyNames) {
    std::mt19937 random(1);
    const auto make = [&] {
        std::string text;
        const int labels = static_cast<int>(random() % 4) + 1;
        for (int i = 0; i < labels; ++i) text += std::to_string(random() % 30) + ".";
        return text + "t";
    };
    std::vector<ListRule> rules;
    std::unordered_set<Name> exact;
    std::unordered_set<Name> below;
    for (int i = 0; i < 20'000; ++i) {
        const bool subtree = i % 100 == 0;
        rules.push_back(block(make(), subtree ? RuleScope::kNameAndBelow : RuleScope::kName));
        exact.insert(rules.back().name);
        if (subtree) below.insert(rules.back().name);
    }
    const Compiled c({rules});
    for (int i = 0; i < 20'000; ++i) {
        const Name asked = name(make());
        bool listed = exact.contains(asked);
        for (Name up = asked.parent(); !up.is_root(); up = up.parent())
            listed = listed || below.contains(up);
        ASSERT_EQ(c.set.match(asked).action == ListAction::kBlock, listed) << asked.to_string();
    }
}

TEST(BlockSet, EachDamagedByteIsNoticed) {
    const Compiled c({{block("a.example"), block("b.example", RuleScope::kBelow)}});
    for (std::size_t i = 0; i < c.image.size(); ++i) {
        auto damaged = c.image;
        damaged[i] ^= 0x10;
        EXPECT_FALSE(BlockSet::open(damaged)) << "byte " << i;
    }
}

TEST(BlockSet, EachTruncationIsNoticed) {
    const Compiled c({{block("a.example"), block("b.example", RuleScope::kBelow)}});
    for (std::size_t size = 0; size < c.image.size(); ++size)
        EXPECT_FALSE(BlockSet::open(ByteView(c.image).first(size))) << size << " bytes";
}

TEST(BlockSet, NeedsNoAlignment) {
    const Compiled c({{block("a.example")}});
    std::vector<std::uint8_t> shifted(c.image.size() + 1);
    std::memcpy(shifted.data() + 1, c.image.data(), c.image.size());
    EXPECT_EQ(BlockSet::open(ByteView(shifted).subspan(1))->match(name("a.example")),
              blocked_by(0));
}

// What a wrong checksum would hide from the other checks: damage with the checksum made right
// again.
class Resealed : public testing::TestWithParam<std::pair<std::size_t, std::uint32_t>> {};

TEST_P(Resealed, BadTableIsRefused) {
    Compiled c({{block("a.example"), block("b.example", RuleScope::kBelow)}});
    const auto [offset, value] = GetParam();
    std::memcpy(c.image.data() + offset, &value, sizeof value);
    const std::uint64_t sum = siphash13({7, 9}, ByteView(c.image).subspan(kImageChecksumEnd));
    std::memcpy(c.image.data() + 40, &sum, sizeof sum);
    const auto opened = BlockSet::open(c.image);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().where, "blocklist image");
}

INSTANTIATE_TEST_SUITE_P(Fields, Resealed,
                         testing::Values(std::pair(48, 0xffffffffU),  // entries
                                         std::pair(48, 1U),           //
                                         std::pair(52, 0U),           // bucket bits
                                         std::pair(52, 32U),          //
                                         std::pair(52, 20U),          //
                                         std::pair(56, 0xffffffffU),  // rule sets
                                         std::pair(56, 0U),           //
                                         std::pair(60, 65U),          // lists
                                         std::pair(60, 0U),           //
                                         std::pair(72, 9U),           // first bucket
                                         std::pair(76, 9U)));         // second bucket

}  // namespace
}  // namespace hearth::dns
