#include "proxy/io/span_exporter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <utility>

#include "proxy/core/http1_parser.h"
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
    Impl(SpanResource of, std::function<void(std::string)> on_change)
        : resource(std::move(of)),
          changed(std::move(on_change)),
          timer(loop.context()),
          patience(loop.context()),
          socket(loop.context()) {}

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
        if (!endpoint) return failed("its name does not resolve");
        busy = true;
        message.clear();
        in_message = octets_in_message = 0;
        std::string spans;
        for (const Batch& batch : queue) {
            if (!spans.empty() && spans.size() + batch.spans.size() > kMessageSize) break;
            spans += batch.spans;
            ++in_message;
        }
        octets_in_message = spans.size();
        const std::string body = spans_message(resource, spans);
        message = "POST " + path + " HTTP/1.1\r\nHost: " + host +
                  "\r\nUser-Agent: hearth-proxy\r\nContent-Type: application/json\r\nConnection: "
                  "close\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body;
        connect();
    }

    void connect() {
        received = 0;
        parser.reset();
        patience.expires_after(kPatience);
        patience.async_wait([this](const error_code& error) {
            if (error) return;
            late = true;
            close();
        });
        socket = asio::ip::tcp::socket(loop.context());
        const asio::ip::tcp::endpoint to{asio::ip::make_address(endpoint->address.to_string()),
                                         endpoint->port};
        socket.async_connect(to, [this](const error_code& error) {
            if (error) return failed(error.message());
            asio::async_write(socket, asio::buffer(message),
                              [this](const error_code& broken, std::size_t) {
                                  if (broken) return failed(broken.message());
                                  read();
                              });
        });
    }

    void read() {
        socket.async_read_some(asio::buffer(answer.data() + received, answer.size() - received),
                               [this](const error_code& error, std::size_t octets) {
                                   if (error) return failed(error.message());
                                   received += octets;
                                   switch (parser.parse({answer.data(), received}, Method::kPost)) {
                                       case ParseStatus::kNeedMore: return read();
                                       case ParseStatus::kRefused:
                                           return failed("its answer is not HTTP");
                                       case ParseStatus::kDone:
                                           return answered(parser.head().status);
                                   }
                               });
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
        tell(late ? "it does not answer" : why);
        pause = std::min(pause * 2, kLongestPause);
        rest();
    }

    void rest() {
        close();
        patience.cancel();
        busy = late = false;
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

    void close() {
        error_code ignored;
        socket.close(ignored);
    }

    runtime::EventLoop loop{"proxy-spans"};
    SpanResource resource;
    std::function<void(std::string)> changed;
    std::optional<Endpoint> endpoint;
    std::string host;
    std::string path;
    std::deque<Batch> queue;
    asio::steady_timer timer;
    asio::steady_timer patience;
    asio::ip::tcp::socket socket;
    bool busy = false;   // a message is under way
    bool waits = false;  // `timer` runs
    bool late = false;   // it took all its time
    std::string message;
    std::size_t in_message = 0;  // batches, of the front of the queue
    std::size_t octets_in_message = 0;
    std::array<char, 16 * 1024> answer;
    std::size_t received = 0;
    ResponseParser parser;
    Duration pause = kGather;
    std::string fault;
    std::atomic<std::size_t> waiting{0};  // octets
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> dropped{0};
};

SpanExporter::SpanExporter(SpanResource resource, std::function<void(std::string)> on_change)
    : impl_(std::make_unique<Impl>(std::move(resource), std::move(on_change))) {
    impl_->loop.start(runtime::EventLoop::Urgency::kBackground);
}

SpanExporter::~SpanExporter() {
    impl_->loop.stop();
    impl_->loop.join();
}

void SpanExporter::send_to(std::optional<Endpoint> endpoint, std::string host, std::string path) {
    impl_->loop.post(
        [impl = impl_.get(), endpoint, host = std::move(host), path = std::move(path)] {
            impl->endpoint = endpoint;
            impl->host = host;
            impl->path = path;
        });
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
