#include "proxy/io/idle_shelf.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>
#include <vector>

namespace hearth::proxy {
namespace {

constexpr TimePoint kNow{1h};
const Endpoint kHere{*IpAddress::parse("10.0.0.1"), 80};
const Endpoint kThere{*IpAddress::parse("10.0.0.2"), 80};

struct Connection {
    Connection() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
        stream = Stream(runtime::FileDescriptor(ends[0]));
        peer = runtime::FileDescriptor(ends[1]);
    }
    // The shelf has closed it.
    [[nodiscard]] bool is_closed() const {
        char octet = 0;
        return ::recv(peer.get(), &octet, 1, MSG_PEEK) == 0;
    }
    Stream stream;
    runtime::FileDescriptor peer;
};

TEST(IdleShelf, GivesTheLastOneOfTheSameUpstream) {
    IdleShelf shelf;
    Connection first;
    Connection second;
    const int second_fd = second.stream.fd();
    EXPECT_FALSE(shelf.take(kHere, kNow));
    shelf.put(kHere, std::move(first.stream), kNow + 3s);
    shelf.put(kHere, std::move(second.stream), kNow + 4s);
    EXPECT_FALSE(shelf.take(kThere, kNow));
    const auto taken = shelf.take(kHere, kNow);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->stream.fd(), second_fd);
    EXPECT_EQ(taken->until, kNow + 4s);
    EXPECT_TRUE(shelf.take(kHere, kNow));
    EXPECT_FALSE(shelf.take(kHere, kNow));
}

TEST(IdleShelf, GivesNoneThatWasClosedSpokeOrIsTooOld) {
    IdleShelf shelf;
    Connection good;
    Connection ended;
    Connection spoke;
    Connection old;
    const int good_fd = good.stream.fd();
    shelf.put(kHere, std::move(good.stream), kNow + 4s);
    shelf.put(kHere, std::move(ended.stream), kNow + 4s);
    shelf.put(kHere, std::move(spoke.stream), kNow + 4s);
    shelf.put(kHere, std::move(old.stream), kNow);
    ended.peer.reset();
    EXPECT_EQ(::write(spoke.peer.get(), "x", 1), 1);
    const auto taken = shelf.take(kHere, kNow);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->stream.fd(), good_fd);
    EXPECT_TRUE(old.is_closed());
}

TEST(IdleShelf, ClosesWhatIsTooOldOrTooMany) {
    IdleShelf shelf;
    std::vector<Connection> all(IdleShelf::kMost + 1);
    for (std::size_t i = 0; i < all.size(); ++i)
        shelf.put(kHere, std::move(all[i].stream), kNow + (i < 10 ? 1s : 4s));
    EXPECT_TRUE(all.back().is_closed());
    shelf.drop_expired(kNow + 1s);
    EXPECT_TRUE(all[0].is_closed());
    EXPECT_TRUE(all[9].is_closed());
    EXPECT_FALSE(all[10].is_closed());
    shelf.clear();
    EXPECT_TRUE(all[10].is_closed());
    EXPECT_FALSE(shelf.take(kHere, kNow));
}

TEST(IdleShelf, IsSharedByThreads) {
    IdleShelf shelf;
    std::vector<Connection> all(8);
    for (Connection& one : all) shelf.put(kHere, std::move(one.stream), kNow + 4s);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&shelf] {
            for (int turn = 0; turn < 500; ++turn) {
                auto taken = shelf.take(kHere, kNow);
                if (taken) shelf.put(kHere, std::move(taken->stream), taken->until);
                shelf.drop_expired(kNow);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(shelf.take(kHere, kNow));
}

}  // namespace
}  // namespace hearth::proxy
