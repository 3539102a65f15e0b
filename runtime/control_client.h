#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "runtime/control_server.h"

// The other end of control_server.h.
// Errors: kUnavailable nobody listens (the daemon is not running), kRefused no permission,
// kTimeout, kInvalid not HTTP. An answer with any HTTP status is not an error.
namespace hearth::runtime {

class EventLoop;

inline constexpr Duration kControlTimeout = 5s;

// Blocks. `target` is a path with an optional query: "/status", "/why?name=a.example".
[[nodiscard]] Result<ControlResponse> control_request(const std::filesystem::path& socket,
                                                      ControlMethod method, std::string_view target,
                                                      std::string body = {},
                                                      Duration timeout = kControlTimeout);

struct ControlEvent {
    std::string topic;
    std::string data;  // one line
};

enum class Follow : std::uint8_t { kContinue, kStop };

// Blocks and calls `on_event` for each event until it says kStop (ok) or the daemon closes the
// stream (kUnavailable). The stream's head has kControlTimeout to come, events have for ever.
[[nodiscard]] Result<void> follow_events(
    const std::filesystem::path& socket, std::string_view target,
    const std::function<Follow(const ControlEvent&)>& on_event);

// Asynchronous: `done` runs on `loop`, once, never inside this call. Call it on the loop's thread.
void async_control_request(EventLoop& loop, const std::filesystem::path& socket,
                           ControlMethod method, std::string_view target, std::string body,
                           Duration timeout, std::function<void(Result<ControlResponse>)> done);

// One open `GET /events` stream on a loop. The end of the peer process is reported at
// once (EOF on the Unix socket), which makes it a liveness check without polling.
// Used and destroyed on the loop's thread; no callback runs after destruction.
class EventStream {
public:
    struct Handlers {
        std::function<void()> on_open;  // the daemon accepted the subscription
        std::function<void(const ControlEvent&)> on_event;
        // Refused, or ended after on_open; at most once. It does not reconnect by itself.
        std::function<void(const Error&)> on_closed;
    };

    // "/events?topic=health". Handlers may destroy the stream.
    [[nodiscard]] static std::unique_ptr<EventStream> open(EventLoop& loop,
                                                           const std::filesystem::path& socket,
                                                           std::string_view target,
                                                           Handlers handlers);
    ~EventStream();

private:
    struct Impl;
    explicit EventStream(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::runtime
