#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/time.h"
#include "runtime/file_descriptor.h"

struct epoll_event;

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::proxy {

// Who is told that a descriptor became ready. Destroyed only between batches.
class Pollable {
public:
    // `events`: the EPOLL* bits that are new; they are not repeated until they occur again.
    virtual void on_ready(std::uint32_t events) = 0;

protected:
    ~Pollable() = default;
};

// Edge-triggered readiness of many sockets, registered once for their whole life. Asio's own
// reactor asks the kernel anew (epoll_ctl) for each async_wait, which on the path of a request
// costs as much as parsing it; so the sockets live in a set of their own, and that set is one
// descriptor on the loop. While there is something to do the thread also sleeps on that set alone,
// for 10 ms at most: what the loop has to do besides interrupts it, or waits for so long. Belongs
// to the loop's thread.
class Poller {
public:
    // `after_batch` runs after the events of each batch were delivered.
    Poller(runtime::EventLoop& loop, std::function<void()> after_batch);
    ~Poller();

    // False when the kernel refuses (out of memory).
    [[nodiscard]] bool add(int fd, Pollable& pollable) noexcept;
    // Before the descriptor is closed. Closing alone would not do: while a forked child (config
    // parses in one) still holds a copy, the set would go on naming a dead Pollable.
    void remove(int fd) noexcept;

    // A descriptor of the loop's other work, which comes at once when something is there to be
    // read.
    void share(int fd) noexcept;

    // What is being delivered came with few other events, if with any.
    [[nodiscard]] bool has_few() const noexcept { return batch_ > 0 && batch_ < kFew; }

    // The moment at which the present batch began; refresh() at other entries of the loop.
    [[nodiscard]] TimePoint now() const noexcept { return now_; }
    void refresh() noexcept { now_ = std::chrono::steady_clock::now(); }

private:
    static constexpr int kFew = 4;

    void wait();
    void dispatch();
    int next(std::span<epoll_event> events) const noexcept;
    void interrupt() noexcept;

    struct Descriptor;
    runtime::EventLoop& loop_;
    std::shared_ptr<Descriptor> epoll_;
    runtime::FileDescriptor interruption_;  // eventfd
    std::function<void()> after_batch_;
    TimePoint now_;
    int batch_ = 0;  // events that came at once; 0 between batches
    bool interrupted_ = false;
};

}  // namespace hearth::proxy
