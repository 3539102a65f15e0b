#include "config/suggest.h"

#include <gtest/gtest.h>

namespace hearth::config {
namespace {

TEST(Suggest, FindsTheSlip) {
    const std::vector<std::string> keys{"upstream", "upstreams", "aliases", "vip", "lan"};
    EXPECT_EQ(closest("upstraem", keys), "upstream");
    EXPECT_EQ(closest("upstreems", keys), "upstreams");
    EXPECT_EQ(closest("alias", keys), "");
    EXPECT_EQ(closest("aliasse", keys), "aliases");
    EXPECT_EQ(closest("vpi", keys), "vip");
    EXPECT_EQ(closest("lna", keys), "lan");
}

TEST(Suggest, SaysNothingOfWhatIsFar) {
    EXPECT_EQ(closest("immich", {"dns", "proxy"}), "");
    EXPECT_EQ(closest("x", {"a"}), "");
    EXPECT_EQ(closest("", {"a"}), "");
    EXPECT_EQ(closest(std::string(100'000, 'a'), {"a"}), "");
    EXPECT_EQ(closest("a", {}), "");
}

}  // namespace
}  // namespace hearth::config
