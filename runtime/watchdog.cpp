#include "runtime/watchdog.h"

#include "runtime/event_loop.h"

namespace hearth::runtime {

void Watchdog::watch(EventLoop& loop) {
    loops_.push_back({&loop, std::make_shared<std::atomic<bool>>(false)});
}

void Watchdog::unwatch(EventLoop& loop) {
    std::erase_if(loops_, [&loop](const Watched& watched) { return watched.loop == &loop; });
}

bool Watchdog::all_alive() {
    bool alive = true;
    for (const Watched& watched : loops_) {
        if (watched.asked->exchange(true)) {
            alive = false;
        } else {
            watched.loop->post([asked = watched.asked] { asked->store(false); });
        }
    }
    return alive;
}

}  // namespace hearth::runtime
