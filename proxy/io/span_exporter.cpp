#include "proxy/io/span_exporter.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <utility>

#include "proxy/model/hop_error.h"
#include "runtime/event_loop.h"

namespace hearth::proxy {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kMostWaiting = 4U << 20;  // octets
constexpr std::size_t kMessageSize = 512 * 1024;
constexpr Duration kGather = 1s;  // between two messages
constexpr Duration kLongestPause = 30s;
constexpr Duration kPatience = 10s;

struct Batch {
    std::string spans;
    std::size_t count = 0;
};

// The collector may take the same message later (OTLP/HTTP, "Failures").
bool is_worth_repeating(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

struct SpanExporter::Impl {
    Impl(SpanResource of, std::function<void(UpstreamAsk)> asker,
         std::function<void(std::string)> on_change)
        : resource(std::move(of)),
          ask(std::move(asker)),
          changed(std::move(on_change)),
          timer(loop.context()) {}

    void wake_after(Duration how_long) {
        waits = true;
        timer.expires_after(how_long);
        timer.async_wait([this](const error_code& error) {
            if (error) return;
            waits = false;
            send();
        });
    }

    void take(Batch batch) {
        queue.push_back(std::move(batch));
        if (!busy && !waits) wake_after(kGather);
    }

    // One message of what waits first.
    void send() {
        if (busy || queue.empty()) return;
        if (!collector.endpoint) return failed("its name does not resolve");
        busy = true;
        in_message = octets_in_message = 0;
        std::string spans;
        for (const Batch& batch : queue) {
            if (!spans.empty() && spans.size() + batch.spans.size() > kMessageSize) break;
            spans += batch.spans;
            ++in_message;
        }
        octets_in_message = spans.size();
        body = spans_message(resource, spans);
        head = "POST " + collector.path + " HTTP/1.1\r\nHost: " + collector.host +
               "\r\nUser-Agent: hearth-proxy\r\nContent-Type: application/json\r\n"
               "Content-Length: " +
               std::to_string(body.size()) + "\r\n\r\n";
        ask_collector();
    }

    // On one of the workers, which has connections to upstreams.
    void ask_collector() {
        UpstreamAsk asks;
        asks.target = {*collector.endpoint, collector.security};
        asks.text = head;
        asks.body = body;
        asks.timeout = kPatience;
        asks.done = [this](const UpstreamAnswer& answer) {
            loop.post([this, error = answer.error, status = answer.said.status] {
                error.failed() ? failed(std::string(to_string(error.reason))) : answered(status);
            });
        };
        ask(std::move(asks));
    }

    void answered(int status) {
        const std::string said = "it answers " + std::to_string(status);
        if (is_worth_repeating(status)) return failed(said);
        const bool good = status >= 200 && status < 300;
        forget_message(good ? sent : dropped);
        tell(good ? "" : said);
        pause = kGather;
        rest();
    }

    void failed(const std::string& why) {
        tell(why);
        pause = std::min(pause * 2, kLongestPause);
        rest();
    }

    void rest() {
        busy = false;
        if (!queue.empty() && !waits) wake_after(pause);
    }

    void forget_message(std::atomic<std::uint64_t>& counted_as) {
        for (; in_message > 0; --in_message) {
            counted_as += queue.front().count;
            queue.pop_front();
        }
        waiting -= octets_in_message;
    }

    void tell(const std::string& why) {
        if (why == std::exchange(fault, why)) return;
        changed(why);
    }

    runtime::EventLoop loop{"proxy-spans"};
    SpanResource resource;
    std::function<void(UpstreamAsk)> ask;
    std::function<void(std::string)> changed;
    SpanDestination collector;
    std::deque<Batch> queue;
    asio::steady_timer timer;
    bool busy = false;   // a message is under way
    bool waits = false;  // `timer` runs
    std::string head;
    std::string body;
    std::size_t in_message = 0;  // batches, of the front of the queue
    std::size_t octets_in_message = 0;
    Duration pause = kGather;
    std::string fault;
    std::atomic<std::size_t> waiting{0};  // octets
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> dropped{0};
};

SpanExporter::SpanExporter(SpanResource resource, std::function<void(UpstreamAsk)> ask,
                           std::function<void(std::string)> on_change)
    : impl_(std::make_unique<Impl>(std::move(resource), std::move(ask), std::move(on_change))) {
    impl_->loop.start(runtime::EventLoop::Urgency::kBackground);
}

SpanExporter::~SpanExporter() {
    impl_->loop.stop();
    impl_->loop.join();
}

void SpanExporter::send_to(SpanDestination collector) {
    impl_->loop.post(
        [impl = impl_.get(), collector = std::move(collector)] { impl->collector = collector; });
}

void SpanExporter::add(std::string spans, std::size_t count) {
    const std::size_t size = spans.size();
    if (impl_->waiting + size > kMostWaiting) {
        impl_->dropped += count;
        return;
    }
    impl_->waiting += size;
    impl_->loop.post(
        [impl = impl_.get(), batch = Batch{std::move(spans), count}] { impl->take(batch); });
}

std::uint64_t SpanExporter::sent() const noexcept { return impl_->sent; }
std::uint64_t SpanExporter::dropped() const noexcept { return impl_->dropped; }

}  // namespace hearth::proxy
