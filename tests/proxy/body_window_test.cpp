#include "proxy/core/body_window.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

TEST(BodyWindow, GrowsWhileEverythingIsTakenAtOnce) {
    BodyWindow window;
    EXPECT_EQ(window.taken(64 * 1024 - 1, 0), 0);
    EXPECT_EQ(window.taken(1, 0), 128 * 1024);
    EXPECT_EQ(window.taken(64 * 1024, 0), 0);
    EXPECT_EQ(window.taken(64 * 1024, 0), 256 * 1024);
    EXPECT_EQ(window.taken(256 * 1024, 0), 512 * 1024);
    EXPECT_EQ(window.taken(512 * 1024, 0), BodyWindow::kMost);
    EXPECT_EQ(window.taken(1 << 30, 0), 0);
}

TEST(BodyWindow, StaysAsItIsBeforeASlowTaker) {
    BodyWindow window;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(window.taken(64 * 1024, 1), 0);
    EXPECT_EQ(window.taken(64 * 1024, 0), 128 * 1024);
}

}  // namespace
}  // namespace hearth::proxy
