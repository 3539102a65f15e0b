#include "runtime/control_session.h"

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>

#include "base/time.h"
#include "runtime/control_target.h"
#include "runtime/event_hub.h"
#include "runtime/event_loop.h"

namespace hearth::runtime {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::uint64_t kMaxBody = 1 << 20;
constexpr std::uint32_t kMaxHeader = 16 << 10;
constexpr auto kRequestTimeout = std::chrono::seconds(10);
constexpr auto kWriteTimeout = std::chrono::seconds(10);
constexpr std::size_t kMaxQueuedEvents = 1024;
constexpr std::size_t kMaxQueuedOctets = 1 << 20;

using Stream =
    boost::beast::basic_stream<asio::local::stream_protocol, asio::io_context::executor_type>;

}  // namespace

class ControlSession : public std::enable_shared_from_this<ControlSession> {
public:
    ControlSession(ControlRoutes& routes, AcceptedConnection connection, ControlPeer peer,
                   Admission admission)
        : routes_(&routes),
          loop_(&routes.control_loop()),
          stream_(routes.control_loop().context()),
          permit_(std::move(connection.permit)),
          peer_(peer),
          admission_(admission) {
        boost::system::error_code error;
        stream_.socket().assign(asio::local::stream_protocol(), connection.socket.get(), error);
        if (!error) static_cast<void>(connection.socket.release());
    }

    void read_request();
    void respond(const ControlResponse& response);
    [[nodiscard]] EventLoop& loop() { return *loop_; }
    void close();

private:
    void handle_request();
    void start_event_stream(const ControlTarget& target);
    void watch_for_hangup();
    void queue_event(std::string_view topic, const std::string& line);
    void write_events();

    ControlRoutes* routes_;  // null after close()
    EventLoop* loop_;
    Stream stream_;
    ConnectionPermit permit_;
    ControlPeer peer_;
    Admission admission_;

    boost::beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::string_body> response_;

    // An event stream: what waits, and what is being written.
    EventHub::Subscription subscription_;
    std::string queued_;
    std::size_t queued_events_ = 0;
    std::string writing_;
    std::array<char, 256> discarded_{};
};

namespace {

// Answers once, from any thread; 500 when nobody did.
class PendingReply {
public:
    explicit PendingReply(std::shared_ptr<ControlSession> session) : session_(std::move(session)) {}
    PendingReply(const PendingReply&) = delete;
    PendingReply& operator=(const PendingReply&) = delete;
    ~PendingReply() {
        if (session_) answer(ControlResponse::error(500, "the request was dropped"));
    }

    void answer(ControlResponse response) {
        if (answered_.exchange(true)) return;
        auto session = std::move(session_);
        EventLoop& loop = session->loop();
        loop.post([session = std::move(session), response = std::move(response)] {
            session->respond(response);
        });
    }

private:
    std::shared_ptr<ControlSession> session_;
    std::atomic<bool> answered_{false};
};

}  // namespace

void ControlSession::read_request() {
    parser_.emplace();
    parser_->body_limit(kMaxBody);
    parser_->header_limit(kMaxHeader);
    stream_.expires_after(kRequestTimeout);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
            if (self->routes_ == nullptr) return;
            if (!error) return self->handle_request();
            if (error == http::error::body_limit || error == http::error::header_limit) {
                self->parser_->get().keep_alive(false);
                return self->respond(ControlResponse::error(413, "the request is too large"));
            }
            self->close();
        });
}

void ControlSession::handle_request() {
    stream_.expires_never();
    auto& message = parser_->get();
    if (admission_ == Admission::kRefused) {
        message.keep_alive(false);
        return respond(ControlResponse::error(
            403, "only root, this daemon's user and the group of its socket may ask"));
    }
    auto target = parse_control_target({message.target().data(), message.target().size()});
    if (!target) return respond(ControlResponse::error(400, "the target is not a path"));
    if (message.method() != http::verb::get && message.method() != http::verb::post) {
        return respond(ControlResponse::error(405, "only GET and POST"));
    }
    if (message.method() == http::verb::get && target->path == "/events") {
        return start_event_stream(*target);
    }
    ControlRequest request;
    request.method =
        message.method() == http::verb::get ? ControlMethod::kGet : ControlMethod::kPost;
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    request.body = std::move(message.body());
    request.uid = peer_.uid;
    request.pid = peer_.pid;
    auto pending = std::make_shared<PendingReply>(shared_from_this());
    routes_->dispatch(std::move(request), [pending = std::move(pending)](ControlResponse response) {
        pending->answer(std::move(response));
    });
}

void ControlSession::respond(const ControlResponse& response) {
    if (routes_ == nullptr) return;
    const bool keep_alive = parser_->get().keep_alive();
    response_ = {};
    response_.version(11);
    response_.result(static_cast<unsigned>(response.status));
    response_.set(http::field::content_type, response.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.keep_alive(keep_alive);
    response_.body() = response.body;
    response_.prepare_payload();
    stream_.expires_after(kWriteTimeout);
    http::async_write(stream_, response_,
                      [self = shared_from_this(), keep_alive](
                          const boost::system::error_code& error, std::size_t) {
                          if (self->routes_ == nullptr) return;
                          if (error || !keep_alive) return self->close();
                          self->read_request();
                      });
}

void ControlSession::start_event_stream(const ControlTarget& target) {
    const auto topic = target.query.find("topic");
    queued_ =
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: text/event-stream\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n";
    subscription_ = routes_->events().subscribe(
        topic == target.query.end() ? "" : topic->second,
        [this](std::string_view name, const std::string& line) { queue_event(name, line); });
    write_events();
    watch_for_hangup();
}

void ControlSession::watch_for_hangup() {
    stream_.socket().async_read_some(
        asio::buffer(discarded_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
            if (self->routes_ == nullptr) return;
            if (error) return self->close();
            self->watch_for_hangup();
        });
}

void ControlSession::queue_event(std::string_view topic, const std::string& line) {
    if (routes_ == nullptr) return;
    if (queued_events_ >= kMaxQueuedEvents || queued_.size() + line.size() > kMaxQueuedOctets) {
        return close();
    }
    queued_ += "event: ";
    queued_ += topic;
    queued_ += "\ndata: ";
    queued_ += line;
    queued_ += "\n\n";
    ++queued_events_;
    if (writing_.empty() && subscription_) write_events();
}

void ControlSession::write_events() {
    writing_.swap(queued_);
    queued_.clear();
    queued_events_ = 0;
    asio::async_write(
        stream_.socket(), asio::buffer(writing_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
            self->writing_.clear();
            if (self->routes_ == nullptr) return;
            if (error) return self->close();
            if (!self->queued_.empty()) self->write_events();
        });
}

void ControlSession::close() {
    routes_ = nullptr;
    // A delivery may be what called us: the subscription goes when the loop comes round.
    if (subscription_) {
        loop_->post([self = shared_from_this()] { self->subscription_.reset(); });
    }
    stream_.close();
}

std::shared_ptr<ControlSession> start_control_session(ControlRoutes& routes,
                                                      AcceptedConnection connection,
                                                      ControlPeer peer, Admission admission) {
    auto session = std::make_shared<ControlSession>(routes, std::move(connection), peer, admission);
    session->read_request();
    return session;
}

void close_control_session(ControlSession& session) { session.close(); }

}  // namespace hearth::runtime
