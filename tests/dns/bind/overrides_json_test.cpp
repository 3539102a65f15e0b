#include "dns/bind/overrides_json.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

Overrides many(int count) {
    Overrides all;
    for (int i = 0; i < count; ++i) {
        Override said;
        said.kind = Override::Kind::kDeny;
        said.name = *Name::parse("n" + std::to_string(i) + ".example");
        said.changed_ms = i + 1;
        said.node = "a";
        (void)all.put(said);
    }
    return all;
}

TEST(OverridesJson, PartsMergeToTheWhole) {
    EXPECT_TRUE(write_overrides_in_parts({}, 1000).empty());
    const Overrides all = many(100);
    EXPECT_EQ(write_overrides_in_parts(all, 1U << 20), std::vector{write_overrides(all)});
    const auto parts = write_overrides_in_parts(all, 1000);
    EXPECT_GT(parts.size(), 5U);
    Overrides merged;
    for (const auto& part : parts) {
        EXPECT_LT(part.size(), 1100U);
        const auto read = parse_overrides(part);
        ASSERT_TRUE(read);
        (void)merged.merge(*read);
    }
    EXPECT_EQ(merged, all);
}

TEST(OverridesJson, OneThatIsLongerGoesAlone) {
    EXPECT_EQ(write_overrides_in_parts(many(3), 1).size(), 3U);
}

TEST(OverridesJson, NothingIsTakenOfWhatIsNotUnderstood) {
    for (const char* text :
         {"", "{}", "[]", R"({"overrides":[1]})", R"({"overrides":[{"action":"sing","name":"a"}]})",
          R"({"overrides":[{"action":"pause","name":"a.example"}]})",
          R"({"overrides":[{"action":"deny","name":"."}]})"})
        EXPECT_FALSE(parse_overrides(text)) << text;
}

}  // namespace
}  // namespace hearth::dns
