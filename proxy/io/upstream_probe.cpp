#include "proxy/io/upstream_probe.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <memory>

#include "proxy/core/http1_parser.h"
#include "proxy/core/http1_question.h"
#include "runtime/event_loop.h"

namespace hearth::proxy {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

HopReason reason_of(const error_code& error) {
    if (error == asio::error::connection_refused) return HopReason::kConnectRefused;
    if (error == asio::error::timed_out) return HopReason::kConnectTimeout;
    if (error == asio::error::connection_reset) return HopReason::kReset;
    if (error == asio::error::eof) return HopReason::kClosedEarly;
    return HopReason::kUnreachable;
}

asio::generic::stream_protocol::endpoint to_asio(const Endpoint& endpoint,
                                                 const std::string& socket_path) {
    if (!socket_path.empty()) return asio::local::stream_protocol::endpoint(socket_path);
    return asio::ip::tcp::endpoint(asio::ip::make_address(endpoint.address.to_string()),
                                   endpoint.port);
}

class Probe : public std::enable_shared_from_this<Probe> {
public:
    Probe(runtime::EventLoop& loop, const ProbeRequest& request,
          std::function<void(const ProbeResult&)> done)
        : socket_(loop.context()),
          timer_(loop.context()),
          connects_only_(request.path.empty()),
          socket_path_(request.socket_path),
          request_(request.preamble + probe_question(request.host, request.path)),
          done_(std::move(done)) {}

    void start(const Endpoint& endpoint, Duration timeout);

private:
    void connected();
    void read();
    void finish(HopReason reason, Refusal refusal = Refusal::kNone);
    [[nodiscard]] Duration elapsed() const { return std::chrono::steady_clock::now() - began_; }

    asio::generic::stream_protocol::socket socket_;
    asio::steady_timer timer_;
    bool connects_only_;
    std::string socket_path_;
    std::string request_;
    std::function<void(const ProbeResult&)> done_;
    std::array<char, 32 * 1024> answer_;
    std::size_t received_ = 0;
    ResponseParser parser_;
    TimePoint began_ = std::chrono::steady_clock::now();
    ProbeResult result_;
};

void Probe::start(const Endpoint& endpoint, Duration timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](const error_code& error) {
        if (error) return;
        const bool connected = self->result_.connected_after != Duration{};
        self->finish(connected ? HopReason::kResponseTimeout : HopReason::kConnectTimeout);
    });
    socket_.async_connect(to_asio(endpoint, socket_path_),
                          [self = shared_from_this()](const error_code& error) {
                              if (!self->done_) return;
                              if (error) return self->finish(reason_of(error));
                              self->connected();
                          });
}

void Probe::connected() {
    result_.connected_after = elapsed();
    if (connects_only_) return finish(HopReason::kNone);
    asio::async_write(socket_, asio::buffer(request_),
                      [self = shared_from_this()](const error_code& error, std::size_t) {
                          if (!self->done_) return;
                          if (error) return self->finish(reason_of(error));
                          self->read();
                      });
}

void Probe::read() {
    socket_.async_read_some(
        asio::buffer(answer_.data() + received_, answer_.size() - received_),
        [self = shared_from_this()](const error_code& error, std::size_t octets) {
            if (!self->done_) return;
            if (error) return self->finish(reason_of(error));
            self->received_ += octets;
            const std::string_view text(self->answer_.data(), self->received_);
            switch (self->parser_.parse(text, Method::kGet)) {
                case ParseStatus::kNeedMore: return self->read();
                case ParseStatus::kRefused:
                    return self->finish(HopReason::kBadResponse, self->parser_.refusal());
                case ParseStatus::kDone:
                    self->result_.status = self->parser_.head().status;
                    return self->finish(HopReason::kNone);
            }
        });
}

void Probe::finish(HopReason reason, Refusal refusal) {
    if (!done_) return;
    result_.error = {reason, refusal};
    result_.answered_after = elapsed();
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
    std::exchange(done_, nullptr)(result_);
}

}  // namespace

void probe_upstream(runtime::EventLoop& loop, const Endpoint& endpoint, const ProbeRequest& request,
                    Duration timeout, std::function<void(const ProbeResult&)> done) {
    std::make_shared<Probe>(loop, request, std::move(done))->start(endpoint, timeout);
}

}  // namespace hearth::proxy
