#include "runtime/event_hub.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "runtime/event_loop.h"

namespace hearth::runtime {

namespace {

constexpr std::size_t kMaxPending = 8192;

std::set<std::string, std::less<>> split_topics(std::string_view text) {
    std::set<std::string, std::less<>> topics;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        if (comma != 0) topics.emplace(text.substr(0, comma));
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    return topics;
}

struct Subscriber {
    [[nodiscard]] bool takes(std::string_view topic) const {
        return topics.empty() || topics.find(topic) != topics.end();
    }

    std::set<std::string, std::less<>> topics;
    EventHub::Deliver deliver;
};

}  // namespace

struct EventHub::Impl {
    explicit Impl(EventLoop& l) : loop(&l) {}

    void remove(Subscriber* subscriber) {
        const std::lock_guard lock(mutex);
        std::erase(subscribers, subscriber);
        count.store(subscribers.size(), std::memory_order_relaxed);
    }

    // Control loop. A delivery may end its own or another subscriber.
    void deliver(std::string_view topic, const std::string& line) {
        std::vector<Subscriber*> targets;
        {
            const std::lock_guard lock(mutex);
            targets = subscribers;
        }
        for (Subscriber* target : targets) {
            if (is_subscribed(target) && target->takes(topic)) target->deliver(topic, line);
        }
    }

    bool is_subscribed(const Subscriber* subscriber) {
        const std::lock_guard lock(mutex);
        return std::find(subscribers.begin(), subscribers.end(), subscriber) != subscribers.end();
    }

    EventLoop* loop;
    std::atomic<std::size_t> count{0};
    std::atomic<std::size_t> pending{0};  // events posted to the loop
    // Guards the list: it is changed on the control loop only, and read by publishers.
    std::mutex mutex;
    std::vector<Subscriber*> subscribers;
    std::map<std::string, std::function<std::string()>, std::less<>> first_events;
};

EventHub::EventHub(EventLoop& loop) : impl_(std::make_shared<Impl>(loop)) {}
EventHub::~EventHub() = default;

bool EventHub::wanted() const noexcept { return impl_->count.load(std::memory_order_relaxed) != 0; }

bool EventHub::wanted(std::string_view topic) const {
    if (!wanted()) return false;
    const std::lock_guard lock(impl_->mutex);
    return std::any_of(impl_->subscribers.begin(), impl_->subscribers.end(),
                       [topic](const Subscriber* s) { return s->takes(topic); });
}

std::vector<std::string> EventHub::wanted_with_prefix(std::string_view prefix) const {
    if (!wanted()) return {};
    std::set<std::string> found;
    const std::lock_guard lock(impl_->mutex);
    for (const Subscriber* subscriber : impl_->subscribers) {
        for (auto topic = subscriber->topics.lower_bound(prefix);
             topic != subscriber->topics.end() && topic->starts_with(prefix); ++topic)
            found.insert(*topic);
    }
    return {found.begin(), found.end()};
}

void EventHub::publish(std::string_view topic, std::string line) {
    if (!wanted(topic)) return;
    if (impl_->pending.fetch_add(1, std::memory_order_relaxed) >= kMaxPending) {
        impl_->pending.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::replace(line.begin(), line.end(), '\r', ' ');
    impl_->loop->post(
        [hub = std::weak_ptr(impl_), topic = std::string(topic), text = std::move(line)] {
            const auto held = hub.lock();
            if (!held) return;
            held->pending.fetch_sub(1, std::memory_order_relaxed);
            held->deliver(topic, text);
        });
}

void EventHub::on_subscribe(std::string topic, std::function<std::string()> first_event) {
    impl_->first_events.insert_or_assign(std::move(topic), std::move(first_event));
}

EventHub::Subscription EventHub::subscribe(std::string_view topics, Deliver deliver) {
    auto subscriber = std::make_unique<Subscriber>();
    subscriber->topics = split_topics(topics);
    subscriber->deliver = std::move(deliver);
    for (const auto& [topic, first_event] : impl_->first_events) {
        if (subscriber->takes(topic)) subscriber->deliver(topic, first_event());
    }
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->subscribers.push_back(subscriber.get());
        impl_->count.store(impl_->subscribers.size(), std::memory_order_relaxed);
    }
    return {subscriber.release(), [hub = std::weak_ptr(impl_)](Subscriber* held) {
                if (const auto owner = hub.lock()) owner->remove(held);
                delete held;
            }};
}

}  // namespace hearth::runtime
