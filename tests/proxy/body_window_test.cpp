#include "proxy/core/body_window.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

constexpr std::int32_t kMost = 1024 * 1024;

TEST(BodyWindow, GrowsWhileEverythingIsTakenAtOnce) {
    BodyWindow window;
    EXPECT_EQ(window.taken(32 * 1024 - 1, 0, kMost), 0);
    EXPECT_EQ(window.taken(1, 0, kMost), 256 * 1024);
    EXPECT_EQ(window.taken(112 * 1024, 16 * 1024, kMost), 0);
    EXPECT_EQ(window.taken(16 * 1024, 64 * 1024, kMost), kMost);
    EXPECT_EQ(window.taken(1 << 30, 0, kMost), 0);
    EXPECT_EQ(window.taken(kMost, 0, 3 * kMost), 3 * kMost);
}

TEST(BodyWindow, StaysAsItIsBeforeASlowTaker) {
    BodyWindow window;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(window.taken(16 * 1024, 32 * 1024, kMost), 0);
    EXPECT_EQ(window.taken(16 * 1024, 16 * 1024, kMost), 256 * 1024);
}

}  // namespace
}  // namespace hearth::proxy
