#include "config/parse_guard.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

namespace hearth::config {
namespace {

using namespace std::chrono_literals;

SourceSet sources_of(std::vector<std::string> texts) {
    SourceSet sources;
    for (auto& text : texts) sources.emplace_back("t.yaml", std::move(text));
    return sources;
}

TEST(ParseGuard, EndsForGoodAndBadTextAlike) {
    EXPECT_EQ(try_parse(sources_of({"a: 1", "b: [", ""}), 20s).outcome, Trial::Outcome::kEnded);
}

// These two bytes keep libfyaml 0.7.12 busy for ever.
TEST(ParseGuard, EndsAnEndlessParseAndNamesTheFile) {
    const auto start = std::chrono::steady_clock::now();
    const Trial trial = try_parse(sources_of({"a: 1", "%\xef", "b: 2"}), 200ms);
    EXPECT_EQ(trial.outcome, Trial::Outcome::kTimedOut);
    EXPECT_EQ(trial.file, 1);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(ParseGuard, LeavesNoChildBehind) {
    (void)try_parse(sources_of({"%\xef"}), 50ms);
    errno = 0;
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

std::atomic<bool> forked = false;

// A daemon's connection that ends during a parse ends for its peer at once.
TEST(ParseGuard, HoldsNoConnectionOpen) {
    ASSERT_EQ(pthread_atfork(
                  nullptr, [] { forked = true; }, nullptr),
              0);
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    std::thread parsing([] { (void)try_parse(sources_of({"%\xef"}), 2500ms); });
    while (!forked) std::this_thread::yield();
    close(ends[0]);
    pollfd peer{ends[1], POLLIN, 0};
    EXPECT_EQ(poll(&peer, 1, 1500), 1) << "the child keeps the connection open";
    parsing.join();
    close(ends[1]);
}

TEST(ParseGuard, WorksBesideThreadsThatAllocate) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&stop] {
            while (!stop) {
                const std::vector<std::string> busy(100, std::string(1000, 'x'));
                ASSERT_EQ(busy.size(), 100U);
            }
        });
    }
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(try_parse(sources_of({"a: [1, 2, 3]\nb: {c: d}\n"}), 20s).outcome,
                  Trial::Outcome::kEnded);
    stop = true;
    for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace hearth::config
