#pragma once

#include <atomic>
#include <memory>
#include <vector>

namespace hearth::runtime {

class EventLoop;

// Asks loops on other threads for a sign of life. Control thread only.
class Watchdog {
public:
    void watch(EventLoop& loop);
    void unwatch(EventLoop& loop);

    // True when every loop has answered what it was asked by the call before; asks those again.
    [[nodiscard]] bool all_alive();

private:
    struct Watched {
        EventLoop* loop;
        std::shared_ptr<std::atomic<bool>> asked;  // and has not answered
    };
    std::vector<Watched> loops_;
};

}  // namespace hearth::runtime
