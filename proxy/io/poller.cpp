#include "proxy/io/poller.h"

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <system_error>

#include "runtime/event_loop.h"

namespace hearth::proxy {

namespace {

constexpr int kBatch = 256;
// Batches before the loop's other work gets its turn.
constexpr int kBatchesPerTurn = 8;

int make_epoll() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    return fd;
}

}  // namespace

struct Poller::Descriptor {
    explicit Descriptor(runtime::EventLoop& loop) : set(loop.context(), make_epoll()) {}
    boost::asio::posix::stream_descriptor set;
};

Poller::Poller(runtime::EventLoop& loop, std::function<void()> after_batch)
    : epoll_(std::make_shared<Descriptor>(loop)), after_batch_(std::move(after_batch)) {
    refresh();
    wait();
}

Poller::~Poller() {
    boost::system::error_code ignored;
    epoll_->set.close(ignored);
}

bool Poller::add(int fd, Pollable& pollable) noexcept {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &pollable;
    return ::epoll_ctl(epoll_->set.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::remove(int fd) noexcept {
    ::epoll_ctl(epoll_->set.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::wait() {
    // The handler may outlive the poller by a turn of the loop: then it finds the set closed.
    epoll_->set.async_wait(
        boost::asio::posix::stream_descriptor::wait_read,
        [this, alive = std::weak_ptr(epoll_)](const boost::system::error_code& error) {
            if (!error && alive.lock()) dispatch();
        });
}

void Poller::dispatch() {
    std::array<epoll_event, kBatch> events;
    for (int turn = 0; turn < kBatchesPerTurn; ++turn) {
        const int count = ::epoll_wait(epoll_->set.native_handle(), events.data(), kBatch, 0);
        if (count <= 0) break;
        refresh();
        batch_ = count;
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
        }
        batch_ = 0;
        after_batch_();
        if (count < kBatch / 8) break;
    }
    wait();
}

}  // namespace hearth::proxy
