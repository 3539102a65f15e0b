#include "dns/core/blocklist_hash.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <set>
#include <string>

namespace hearth::dns {
namespace {

// CPython hashes bytes with SipHash-1-3: PYTHONHASHSEED=0 python3.11 -c 'hash(bytes(range(n)))'
TEST(BlocklistHash, IsSipHash13) {
    std::array<std::uint8_t, 32> bytes{};
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    const struct {
        std::size_t size;
        std::uint64_t hash;
    } vectors[] = {
        {7, 0x2f098ab0c751325a},  {8, 0xead411e67ebe2eea},  {9, 0x75927f9d95124362},
        {15, 0xf30eb725bb91c9ea}, {16, 0x8972188433a5c5b7}, {31, 0x169739443111d49b},
    };
    for (const auto& v : vectors)
        EXPECT_EQ(siphash13({0, 0}, ByteView(bytes).first(v.size)), v.hash) << v.size;
}

std::uint64_t hash_of(std::string_view name, SipKey key = {1, 2}) {
    return LabelHasher(Name::parse(name).value()).hash(key);
}

TEST(BlocklistHash, AbsorbsLabelsFromTheRight) {
    const Name name = Name::parse("a.long-first-label.example.com").value();
    const LabelHasher labels(name);
    ASSERT_EQ(labels.labels(), 4U);
    const char* ancestors[] = {"com", "example.com", "long-first-label.example.com",
                               "a.long-first-label.example.com"};
    SipState state({1, 2});
    for (std::size_t depth = 0; depth < 4; ++depth) {
        labels.absorb(state, depth);
        EXPECT_EQ(state.finish(), hash_of(ancestors[depth])) << ancestors[depth];
    }
}

TEST(BlocklistHash, LabelBoundariesCount) {
    const std::set<std::uint64_t> hashes = {hash_of("ab.c"),  hash_of("a.bc"),  hash_of("abc"),
                                            hash_of("a.b.c"), hash_of("c.b.a"), hash_of("c.ab"),
                                            hash_of("."),     hash_of("ab\\.c")};
    EXPECT_EQ(hashes.size(), 8U);
}

TEST(BlocklistHash, EveryLabelLength) {
    std::set<std::uint64_t> hashes;
    for (std::size_t length = 1; length <= Name::kMaxLabel; ++length)
        hashes.insert(hash_of(std::string(length, 'x') + ".example"));
    EXPECT_EQ(hashes.size(), Name::kMaxLabel);
}

TEST(BlocklistHash, DependsOnTheKeyAndNotOnCase) {
    EXPECT_NE(hash_of("ads.example", {1, 2}), hash_of("ads.example", {1, 3}));
    EXPECT_EQ(hash_of("ADS.Example"), hash_of("ads.example"));
}

TEST(BlocklistHash, LongestName) {
    const std::string deep = [] {
        std::string text;
        for (int i = 0; i < 127; ++i) text += "a.";
        return text;
    }();
    EXPECT_EQ(LabelHasher(Name::parse(deep).value()).labels(), 127U);
    EXPECT_NE(hash_of(deep), hash_of(deep.substr(2)));
}

}  // namespace
}  // namespace hearth::dns
