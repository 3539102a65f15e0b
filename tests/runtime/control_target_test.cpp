#include "runtime/control_target.h"

#include <gtest/gtest.h>

namespace hearth::runtime {
namespace {

TEST(ControlTarget, SplitsAndDecodes) {
    const auto target = parse_control_target("/a%20b?name=x%26y&flag&n=1&n=2&&e=");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->path, "/a b");
    const std::map<std::string, std::string, std::less<>> expected = {
        {"name", "x&y"}, {"flag", ""}, {"n", "2"}, {"e", ""}};
    EXPECT_EQ(target->query, expected);
}

TEST(ControlTarget, RefusesWhatIsNotAPath) {
    for (const char* text : {"", "status", "http://x/", "/%", "/%4", "/%zz", "/?a=%1", "/?%=b"}) {
        EXPECT_FALSE(parse_control_target(text)) << text;
    }
}

TEST(ControlTarget, EncodingRoundTrips) {
    std::string all;
    for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
    const auto target = parse_control_target("/?v=" + percent_encode(all));
    ASSERT_TRUE(target);
    EXPECT_EQ(target->query.at("v"), all);
    EXPECT_EQ(percent_encode("a-b.c_d~e"), "a-b.c_d~e");
}

}  // namespace
}  // namespace hearth::runtime
