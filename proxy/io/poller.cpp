#include "proxy/io/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "runtime/event_loop.h"

namespace hearth::proxy {

namespace {

constexpr int kBatch = 256;
// Batches before the loop's other work gets its turn.
constexpr int kBatchesPerTurn = 8;

constexpr int kPatienceMs = 10;

int make_eventfd() {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return fd;
}

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
    : loop_(loop),
      epoll_(std::make_shared<Descriptor>(loop)),
      interruption_(make_eventfd()),
      after_batch_(std::move(after_batch)) {
    share(interruption_.get());
    loop.on_interrupt([this] { interrupt(); });
    refresh();
    wait();
}

Poller::~Poller() {
    loop_.on_interrupt(nullptr);
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

void Poller::share(int fd) noexcept {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = nullptr;
    ::epoll_ctl(epoll_->set.native_handle(), EPOLL_CTL_ADD, fd, &event);
}

// Each of them is an edge: the counter is never read.
void Poller::interrupt() noexcept {
    if (loop_.is_current()) {
        interrupted_ = true;
    } else {
        const std::uint64_t one = 1;
        (void)!::write(interruption_.get(), &one, sizeof one);
    }
}

int Poller::next(std::span<epoll_event> events) const noexcept {
    return ::epoll_wait(epoll_->set.native_handle(), events.data(), static_cast<int>(events.size()),
                        interrupted_ ? 0 : kPatienceMs);
}

void Poller::dispatch() {
    std::array<epoll_event, kBatch> events;
    for (int turn = 0; turn < kBatchesPerTurn; ++turn) {
        const int count = next(events);
        if (count <= 0) break;
        refresh();
        batch_ = count;
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == nullptr) {
                interrupted_ = true;
            } else {
                static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
            }
        }
        batch_ = 0;
        after_batch_();
        if (interrupted_) break;
    }
    if (!std::exchange(interrupted_, false)) return wait();
    // Behind what interrupted it, which the loop may not have looked at yet.
    boost::asio::post(loop_.context(), [this, alive = std::weak_ptr(epoll_)] {
        if (alive.lock()) wait();
    });
}

}  // namespace hearth::proxy
