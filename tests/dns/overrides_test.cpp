#include "dns/core/overrides.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hearth::dns {
namespace {

Override said(Override::Kind kind, std::string_view name, std::int64_t changed_ms,
              std::string node = "a") {
    Override one;
    one.kind = kind;
    if (!name.empty()) one.name = *Name::parse(name);
    one.changed_ms = changed_ms;
    one.node = std::move(node);
    return one;
}

TEST(Overrides, TheLastWordStandsInWhateverOrderItArrives) {
    std::vector<Override> words{said(Override::Kind::kAllow, "x.example", 1000),
                                said(Override::Kind::kDeny, "x.example", 2000),
                                said(Override::Kind::kAllow, "x.example", 2000, "b"),
                                said(Override::Kind::kDeny, "y.example", 500)};
    std::vector<int> order{0, 1, 2, 3};
    Overrides first;
    for (const auto& word : words) (void)first.put(word);
    do {
        Overrides other;
        for (const int i : order) (void)other.put(words[static_cast<std::size_t>(i)]);
        EXPECT_EQ(other, first);
        EXPECT_FALSE(other.merge(first).is_news);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(first.all()[0].node, "b");
}

TEST(Overrides, HoldUntilTheirEndAndNotBeforeTheyWereSaid) {
    Override pause = said(Override::Kind::kPause, "", 1'000'000'000);
    pause.until_s = 1'000'300;
    EXPECT_TRUE(pause.holds(1'000'000));
    EXPECT_TRUE(pause.holds(1'000'299));
    EXPECT_FALSE(pause.holds(1'000'300));
    EXPECT_FALSE(pause.holds(0)) << "a clock at 1970";
    pause.is_lifted = true;
    EXPECT_FALSE(pause.holds(1'000'000));
    EXPECT_TRUE(said(Override::Kind::kDeny, "x.example", 1'000'000'000).holds(0));
}

TEST(Overrides, ForgetsOnlyWhatIsLongOver) {
    Overrides all;
    Override lifted = said(Override::Kind::kDeny, "x.example", 1000);
    lifted.is_lifted = true;
    (void)all.put(lifted);
    (void)all.put(said(Override::Kind::kDeny, "y.example", 1000));
    EXPECT_FALSE(all.forget_old(1000));
    EXPECT_TRUE(all.forget_old(40 * 86400));
    EXPECT_EQ(all.size(), 1U);
}

TEST(Overrides, AreBounded) {
    Overrides all;
    for (std::size_t i = 0; i < Overrides::kMost; ++i)
        EXPECT_TRUE(all.put(said(Override::Kind::kDeny, "n" + std::to_string(i) + ".example", 1)));
    EXPECT_FALSE(all.put(said(Override::Kind::kDeny, "more.example", 1)));
    Overrides other;
    (void)other.put(said(Override::Kind::kDeny, "more.example", 1));
    (void)other.put(said(Override::Kind::kDeny, "n1.example", 1));
    EXPECT_EQ(all.merge(other).left_out, 1U);
    EXPECT_FALSE(all.merge(other).is_news);
}

}  // namespace
}  // namespace hearth::dns
