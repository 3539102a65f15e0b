#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::runtime {

class EventLoop;

// What `GET /events?topic=a,b` streams. Topics are short names that a room defines ("query",
// "health"); "log" is always there. An event is one line of text, by custom a JSON object.
//
// A subscriber that does not read keeps at most 1,024 events or 1 MiB waiting and is then cut off:
// nobody who publishes ever waits for it.
class EventHub {
public:
    // `loop` is the control loop, where subscribers are served.
    explicit EventHub(EventLoop& loop);
    ~EventHub();
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;

    // Any thread. One relaxed load: ask before building an event on a fast path.
    [[nodiscard]] bool wanted() const noexcept;  // anyone, any topic
    [[nodiscard]] bool wanted(std::string_view topic) const;

    // Any thread. The topics that are subscribed to and begin so; a room may give what follows a
    // meaning ("query?client=10.0.0.7") and publish to just those. Those who take all are not
    // there.
    [[nodiscard]] std::vector<std::string> wanted_with_prefix(std::string_view prefix) const;

    // Any thread. Dropped when nobody wants the topic, or when 8,192 events wait for the control
    // loop. Newlines in `line` become spaces.
    void publish(std::string_view topic, std::string line);

    // A new subscriber to `topic` gets this event first (the present state, for topics that
    // report changes). Runs on the control loop; set before the loop runs.
    void on_subscribe(std::string topic, std::function<std::string()> first_event);

    // For the control server, on the control loop: calls `deliver` with each event of `topics`
    // (comma-separated; empty means all), first with their first events, until the token goes.
    using Subscription = std::shared_ptr<void>;
    using Deliver = std::function<void(std::string_view topic, const std::string& line)>;
    [[nodiscard]] Subscription subscribe(std::string_view topics, Deliver deliver);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::runtime
