#include "runtime/event_loop.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <array>
#include <memory>

namespace hearth::runtime {
namespace {

TEST(EventLoop, RunsPostedWorkOnItsThread) {
    EventLoop loop("a-name-that-is-longer-than-15");
    loop.start();
    EXPECT_FALSE(loop.is_current());
    bool current = false;
    std::array<char, 32> name{};
    loop.run_and_wait([&] {
        current = loop.is_current();
        pthread_getname_np(pthread_self(), name.data(), name.size());
    });
    EXPECT_TRUE(current);
    EXPECT_STREQ(name.data(), "a-name-that-is-");
}

TEST(EventLoop, BlocksSignalsOnItsThread) {
    EventLoop loop("signals");
    loop.start();
    sigset_t inside;
    loop.run_and_wait([&] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
    EXPECT_EQ(sigismember(&inside, SIGTERM), 1);
    sigset_t outside;
    pthread_sigmask(SIG_SETMASK, nullptr, &outside);
    EXPECT_EQ(sigismember(&outside, SIGTERM), 0);
}

TEST(EventLoop, RunsOnTheCallerUntilStopped) {
    EventLoop loop("here");
    int order = 0;
    loop.post([&] { order = order * 10 + 1; });
    loop.post([&] {
        order = order * 10 + 2;
        loop.stop();
    });
    loop.run();
    EXPECT_EQ(order, 12);
}

TEST(EventLoop, WorkLeftBehindIsDestroyedNotRun) {
    auto token = std::make_shared<int>(0);
    {
        EventLoop loop("left");
        loop.post([token] { ++*token; });
        EXPECT_EQ(token.use_count(), 2);
    }
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_EQ(*token, 0);
}

}  // namespace
}  // namespace hearth::runtime
