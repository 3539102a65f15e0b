#include "runtime/control_client.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <optional>

#include "runtime/event_loop.h"
#include "runtime/event_stream_parser.h"

namespace hearth::runtime {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Protocol = asio::local::stream_protocol;
using Stream = boost::beast::basic_stream<Protocol, asio::io_context::executor_type>;

constexpr std::uint64_t kMaxAnswer = 64 << 20;

Error describe(const std::filesystem::path& socket, const boost::system::error_code& error) {
    const std::string where = socket.string();
    if (error == boost::beast::error::timeout) {
        return {Errc::kTimeout, where, "the daemon does not answer"};
    }
    if (error == asio::error::access_denied) {
        return {Errc::kRefused, where, "no permission: join the group hearth, or use sudo"};
    }
    if (error == boost::system::errc::no_such_file_or_directory ||
        error == asio::error::connection_refused) {
        return {Errc::kUnavailable, where, "the daemon is not running"};
    }
    if (error == http::error::end_of_stream || error == asio::error::eof ||
        error == asio::error::connection_reset || error == asio::error::broken_pipe) {
        return {Errc::kUnavailable, where, "the daemon closed the connection"};
    }
    if (error.category() == make_error_code(http::error::bad_version).category()) {
        return {Errc::kInvalid, where, "not an answer of HTTP: " + error.message()};
    }
    return {Errc::kSystem, where, error.message()};
}

http::request<http::string_body> make_request(ControlMethod method, std::string_view target,
                                              std::string body) {
    const auto verb = method == ControlMethod::kGet ? http::verb::get : http::verb::post;
    http::request<http::string_body> request(verb, {target.data(), target.size()}, 11);
    request.set(http::field::host, "hearth");
    request.keep_alive(false);
    request.body() = std::move(body);
    request.prepare_payload();
    return request;
}

// A path that is too long makes Asio's endpoint throw.
std::optional<Protocol::endpoint> endpoint_of(const std::filesystem::path& socket) {
    if (socket.native().size() > 107) return std::nullopt;
    return Protocol::endpoint(socket.string());
}

// One request and its answer, kept alive by its own handlers.
struct Exchange : std::enable_shared_from_this<Exchange> {
    using Done = std::function<void(Result<ControlResponse>)>;

    Exchange(EventLoop& loop, std::filesystem::path path, Done callback)
        : stream(loop.context()), socket(std::move(path)), done(std::move(callback)) {
        parser.body_limit(kMaxAnswer);
    }

    void start(const Protocol::endpoint& endpoint, Duration timeout) {
        stream.expires_after(timeout);
        stream.async_connect(endpoint, [self = shared_from_this()](const auto& error) {
            if (error) return self->fail_with(error);
            self->write();
        });
    }
    void write() {
        http::async_write(stream, request,
                          [self = shared_from_this()](const auto& error, std::size_t) {
                              if (error) return self->fail_with(error);
                              self->read();
                          });
    }
    void read() {
        http::async_read(stream, buffer, parser,
                         [self = shared_from_this()](const auto& error, std::size_t) {
                             if (error) return self->fail_with(error);
                             self->finish();
                         });
    }
    void finish() {
        auto& message = parser.get();
        ControlResponse response;
        response.status = static_cast<int>(message.result_int());
        response.body = std::move(message.body());
        response.content_type = std::string(message[http::field::content_type]);
        done(std::move(response));
    }
    void fail_with(const boost::system::error_code& error) { done(fail(describe(socket, error))); }

    Stream stream;
    std::filesystem::path socket;
    Done done;
    http::request<http::string_body> request;
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
};

}  // namespace

void async_control_request(EventLoop& loop, const std::filesystem::path& socket,
                           ControlMethod method, std::string_view target, std::string body,
                           Duration timeout, std::function<void(Result<ControlResponse>)> done) {
    const auto endpoint = endpoint_of(socket);
    if (!endpoint) {
        return loop.post([done = std::move(done), where = socket.string()] {
            done(fail(Errc::kInvalid, where, "a socket's path may have at most 107 octets"));
        });
    }
    auto exchange = std::make_shared<Exchange>(loop, socket, std::move(done));
    exchange->request = make_request(method, target, std::move(body));
    exchange->start(*endpoint, timeout);
}

Result<ControlResponse> control_request(const std::filesystem::path& socket, ControlMethod method,
                                        std::string_view target, std::string body,
                                        Duration timeout) {
    EventLoop loop("control-client");
    Result<ControlResponse> answer = fail(Errc::kTimeout, socket.string(), "no answer");
    async_control_request(loop, socket, method, target, std::move(body), timeout,
                          [&](Result<ControlResponse> result) {
                              answer = std::move(result);
                              loop.stop();
                          });
    loop.run();
    return answer;
}

struct EventStream::Impl : std::enable_shared_from_this<Impl> {
    Impl(EventLoop& l, std::filesystem::path path, Handlers h)
        : loop(&l), stream(l.context()), socket(std::move(path)), handlers(std::move(h)) {}

    void start(const Protocol::endpoint& endpoint, std::string_view target, Duration timeout);
    void write();
    void read_head();
    void read_events();
    void end(Error error);
    void end(const boost::system::error_code& error) { end(describe(socket, error)); }

    EventLoop* loop;
    Stream stream;
    std::filesystem::path socket;
    Handlers handlers;
    bool closed = false;
    http::request<http::string_body> request;
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> head;
    EventStreamParser parser;
    std::array<char, 16384> received{};
};

void EventStream::Impl::start(const Protocol::endpoint& endpoint, std::string_view target,
                              Duration timeout) {
    request = make_request(ControlMethod::kGet, target, {});
    stream.expires_after(timeout);
    stream.async_connect(endpoint, [self = shared_from_this()](const auto& error) {
        if (self->closed) return;
        if (error) return self->end(error);
        self->write();
    });
}

void EventStream::Impl::write() {
    http::async_write(stream, request, [self = shared_from_this()](const auto& error, std::size_t) {
        if (self->closed) return;
        if (error) return self->end(error);
        self->read_head();
    });
}

void EventStream::Impl::read_head() {
    http::async_read_header(
        stream, buffer, head, [self = shared_from_this()](const auto& error, std::size_t) {
            if (self->closed) return;
            if (error) return self->end(error);
            const unsigned status = self->head.get().result_int();
            if (status != 200) {
                return self->end(Error{Errc::kRefused, self->socket.string(),
                                       "the daemon answered " + std::to_string(status)});
            }
            self->stream.expires_never();
            if (self->handlers.on_open) self->handlers.on_open();
            if (self->closed) return;
            const auto rest = self->buffer.data();
            const std::string early(static_cast<const char*>(rest.data()), rest.size());
            self->buffer.clear();
            const bool ours = self->parser.feed(early, [&self](const ControlEvent& event) {
                if (!self->closed && self->handlers.on_event) self->handlers.on_event(event);
            });
            if (!ours) return self->end(http::error::bad_value);
            if (!self->closed) self->read_events();
        });
}

void EventStream::Impl::read_events() {
    stream.async_read_some(
        asio::buffer(received), [self = shared_from_this()](const auto& error, std::size_t size) {
            if (self->closed) return;
            if (error) return self->end(error);
            const bool ours = self->parser.feed({self->received.data(), size},
                                                [&self](const ControlEvent& event) {
                                                    if (!self->closed && self->handlers.on_event)
                                                        self->handlers.on_event(event);
                                                });
            if (!ours) return self->end(http::error::bad_value);
            if (!self->closed) self->read_events();
        });
}

void EventStream::Impl::end(Error error) {
    closed = true;
    stream.close();
    // The handler may destroy the stream, and with it the handlers.
    const auto on_closed = handlers.on_closed;
    if (on_closed) on_closed(error);
}

std::unique_ptr<EventStream> EventStream::open(EventLoop& loop, const std::filesystem::path& socket,
                                               std::string_view target, Handlers handlers) {
    auto impl = std::make_shared<Impl>(loop, socket, std::move(handlers));
    if (const auto endpoint = endpoint_of(socket)) {
        impl->start(*endpoint, target, kControlTimeout);
    } else {
        loop.post([weak = std::weak_ptr(impl)] {
            const auto self = weak.lock();
            if (!self || self->closed) return;
            self->end(Error{Errc::kInvalid, self->socket.string(),
                            "a socket's path may have at most 107 octets"});
        });
    }
    return std::unique_ptr<EventStream>(new EventStream(std::move(impl)));
}

EventStream::EventStream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

EventStream::~EventStream() {
    impl_->closed = true;
    impl_->stream.close();
}

Result<void> follow_events(const std::filesystem::path& socket, std::string_view target,
                           const std::function<Follow(const ControlEvent&)>& on_event) {
    EventLoop loop("control-client");
    Result<void> outcome;
    bool stopped = false;
    EventStream::Handlers handlers;
    handlers.on_event = [&](const ControlEvent& event) {
        if (stopped || on_event(event) == Follow::kContinue) return;
        stopped = true;
        loop.stop();
    };
    handlers.on_closed = [&](const Error& error) {
        outcome = fail(error);
        loop.stop();
    };
    const auto stream = EventStream::open(loop, socket, target, std::move(handlers));
    loop.run();
    return outcome;
}

}  // namespace hearth::runtime
