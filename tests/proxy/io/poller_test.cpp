#include "proxy/io/poller.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "runtime/event_loop.h"
#include "runtime/file_descriptor.h"

namespace hearth::proxy {
namespace {

using runtime::FileDescriptor;

// One end of a pair of sockets.
class End final : public Pollable {
public:
    std::function<void()> on_event;

    explicit End(FileDescriptor socket) : socket_(std::move(socket)) {}
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    void on_ready(std::uint32_t events) override {
        if ((events & EPOLLIN) != 0) on_event();
    }

private:
    FileDescriptor socket_;
};

void send_octet(int fd) {
    const char octet = 0;
    EXPECT_EQ(::write(fd, &octet, 1), 1);
}

void take_octet(int fd) {
    char octet = 0;
    EXPECT_EQ(::read(fd, &octet, 1), 1);
}

// Two ends that never stop to send each other one octet: the poller always has something to do.
class Busy : public testing::Test {
protected:
    Busy() {
        std::array<int, 2> pair{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()),
                  0);
        left_ = std::make_unique<End>(FileDescriptor(pair[0]));
        right_ = std::make_unique<End>(FileDescriptor(pair[1]));
        poller_ = std::make_unique<Poller>(loop_, [this] { ++batches_; });
        for (End* const end : {left_.get(), right_.get()}) {
            end->on_event = [fd = end->fd()] {
                take_octet(fd);
                send_octet(fd);
            };
            EXPECT_TRUE(poller_->add(end->fd(), *end));
        }
        send_octet(left_->fd());
    }

    ~Busy() override {
        loop_.stop();
        loop_.join();
        poller_.reset();
    }

    runtime::EventLoop loop_{"busy"};
    std::unique_ptr<End> left_;
    std::unique_ptr<End> right_;
    std::unique_ptr<Poller> poller_;
    int batches_ = 0;  // on the loop's thread
};

TEST_F(Busy, WhatIsPostedHasItsTurn) {
    loop_.start();
    for (int i = 0; i < 100; ++i) loop_.run_and_wait([] {});
    int batches = 0;
    loop_.run_and_wait([&] { batches = batches_; });
    EXPECT_GT(batches, 0);
}

TEST_F(Busy, WhatAnEventPostsHasItsTurn) {
    std::promise<int> told;
    left_->on_event = [this, &told, n = 0]() mutable {
        take_octet(left_->fd());
        send_octet(left_->fd());
        if (++n == 100) loop_.post([this, &told] { told.set_value(batches_); });
    };
    loop_.start();
    EXPECT_GE(told.get_future().get(), 100);
}

TEST_F(Busy, TimersExpire) {
    std::promise<void> expired;
    boost::asio::steady_timer timer(loop_.context(), std::chrono::milliseconds(5));
    timer.async_wait([&](const boost::system::error_code& error) {
        if (!error) expired.set_value();
    });
    loop_.start();
    expired.get_future().wait();
    loop_.run_and_wait([&] { timer.cancel(); });
}

// One event, then nothing more: the thread sleeps on the poller's set alone for a while.
TEST(Poller, WhatItSharesInterruptsItsSleep) {
    runtime::EventLoop loop("sleeps");
    int batches = 0;
    Poller poller(loop, [&] { ++batches; });
    End once(FileDescriptor(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)));
    boost::asio::posix::stream_descriptor other(loop.context(),
                                                ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    std::promise<int> heard;
    other.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [&](const boost::system::error_code& error) {
                         if (!error) heard.set_value(batches);
                     });
    poller.share(other.native_handle());
    once.on_event = [&] {
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(other.native_handle(), &one, sizeof one), 8);
    };
    ASSERT_TRUE(poller.add(once.fd(), once));
    loop.start();
    EXPECT_GE(heard.get_future().get(), 2) << "its own event, and the interruption";
    loop.run_and_wait([&] {
        poller.remove(once.fd());
        poller.remove(other.native_handle());
    });
    loop.stop();
    loop.join();
}

}  // namespace
}  // namespace hearth::proxy
