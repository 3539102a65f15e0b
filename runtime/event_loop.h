#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace hearth::runtime {

// One thread's reactor: an io_context(1). Everything that belongs to a loop (sockets,
// timers, coroutines) is made, used and destroyed on its thread or while the loop does not run, so
// it needs no lock. Loops talk to each other by post().
//
// Whatever holds descriptors or timers on context() must be destroyed before the loop is.
class EventLoop {
public:
    // kBackground: a thread of this process, or of this systemd unit, that wakes on the same core
    // goes before it, at once (SCHED_IDLE). For work that nobody's answer waits for, by threads
    // that hold no lock which others need.
    enum class Urgency : std::uint8_t { kNormal, kBackground };

    // `name` shows in ps and debuggers; the kernel keeps 15 octets.
    explicit EventLoop(std::string name);
    ~EventLoop();  // stop() and join()
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    [[nodiscard]] boost::asio::io_context& context() noexcept;
    [[nodiscard]] const std::string& name() const noexcept;

    // Runs on a thread of its own, with every signal blocked, until stop(). Once only.
    void start(Urgency urgency = Urgency::kNormal);
    // Runs on the calling thread until stop(). Once only.
    void run();
    // Any thread; returns at once. What is still queued is not run, but destroyed with the loop.
    void stop() noexcept;
    // Waits for the thread of start() to end. Not from the loop's own thread.
    void join() noexcept;

    // Any thread: queues `work` to run on this loop, never inline.
    void post(std::function<void()> work);
    // Any thread but this loop's own: runs `work` on the loop and waits for it. The loop must be
    // running.
    void run_and_wait(const std::function<void()>& work);
    [[nodiscard]] bool is_current() const noexcept;

    // For work that sleeps inside its own turn, on descriptors of its own: `interrupt` is called
    // after each post() and by stop(), on their thread. Set while the loop does not run.
    void on_interrupt(std::function<void()> interrupt);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::runtime
