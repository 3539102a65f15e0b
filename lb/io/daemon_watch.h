#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "lb/core/health.h"
#include "lb/io/soa_probe.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

// Watches one daemon of this node through its control socket's event stream, whose end is the
// end of the process, and by questions. Used and destroyed on the loop's thread.
class DaemonWatch {
public:
    // Asks the daemon what it can answer alone.
    using Ask = std::function<void(std::function<void(Answered)> done)>;

    // `on_verdict` gets the first finding and every other one after it.
    DaemonWatch(runtime::EventLoop& loop, std::filesystem::path socket, Ask ask,
                std::function<void(Health)> on_verdict);
    ~DaemonWatch();

    [[nodiscard]] Health health() const noexcept;
    [[nodiscard]] std::string_view reason() const noexcept;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// `GET /health` on the daemon's control socket.
[[nodiscard]] DaemonWatch::Ask ask_control_health(runtime::EventLoop& loop,
                                                  std::filesystem::path socket);

}  // namespace hearth::lb
