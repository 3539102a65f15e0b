#include "proxy/core/path_window.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

// Takes until it asks; how much that was.
std::size_t until_asked(PathWindow& window) {
    std::size_t taken = 0;
    do taken += kPiece;
    while (!window.taken(kPiece));
    return taken;
}

void take(PathWindow& window, std::size_t octets) {
    for (; octets >= kPiece; octets -= kPiece) EXPECT_FALSE(window.taken(kPiece));
}

TEST(PathWindow, AsksNothingOfSmallBodies) {
    PathWindow window;
    EXPECT_FALSE(window.taken(kPiece - 1));
    EXPECT_TRUE(window.taken(1));
    EXPECT_FALSE(window.taken(kPiece)) << "one question at a time";
}

TEST(PathWindow, GrowsWhileTheWayIsFull) {
    PathWindow window;
    (void)until_asked(window);
    for (std::int32_t size = PathWindow::kFirst; size < PathWindow::kMost; size *= 2) {
        take(window, static_cast<std::size_t>(size) / 2);
        EXPECT_EQ(window.growth(), size);
        window.grow(size);
        EXPECT_EQ(window.size(), 2 * size);
        if (2 * size < PathWindow::kMost) {
            EXPECT_EQ(until_asked(window), kPiece) << "at once";
        }
    }
    EXPECT_FALSE(window.taken(std::size_t{1} << 40)) << "it cannot grow any more";
}

TEST(PathWindow, AsksAgainWhenTheSenderMayGoOn) {
    PathWindow window;
    (void)until_asked(window);
    EXPECT_EQ(window.growth(), 0) << "everything had arrived before";
    EXPECT_EQ(until_asked(window), kPiece) << "at once";
    take(window, PathWindow::kFirst / 2);
    EXPECT_EQ(window.growth(), PathWindow::kFirst);
}

TEST(PathWindow, StaysAsItIsOnAShortWayAndAsksMoreAndMoreRarely) {
    PathWindow window;
    std::size_t last = until_asked(window);
    for (int i = 0; i < 20; ++i) {
        take(window, PathWindow::kFirst / 4);
        EXPECT_EQ(window.growth(), 0);
        EXPECT_EQ(until_asked(window), kPiece);
        take(window, PathWindow::kFirst / 4);
        EXPECT_EQ(window.growth(), 0);
        const std::size_t next = until_asked(window);
        EXPECT_GE(next, last);
        last = next;
    }
    EXPECT_EQ(last, 256 * std::size_t{PathWindow::kFirst});
    take(window, PathWindow::kFirst / 2);
    EXPECT_EQ(window.growth(), PathWindow::kFirst) << "the way has become longer";
}

TEST(PathWindow, MayBeLeftAsItIs) {
    PathWindow window;
    (void)until_asked(window);
    take(window, PathWindow::kFirst / 2);
    EXPECT_EQ(window.growth(), PathWindow::kFirst);
    EXPECT_EQ(window.size(), PathWindow::kFirst);
}

TEST(PathWindow, BelievesNoAnswerWithoutAQuestion) {
    PathWindow window;
    EXPECT_EQ(window.growth(), 0);
    (void)until_asked(window);
    take(window, PathWindow::kFirst);
    EXPECT_EQ(window.growth(), PathWindow::kFirst);
    EXPECT_EQ(window.growth(), 0);
}

}  // namespace
}  // namespace hearth::proxy
