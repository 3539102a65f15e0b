#include "proxy/io/auth_request.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <utility>

#include "proxy/core/body_flow.h"
#include "proxy/core/http1_parser.h"
#include "runtime/event_loop.h"

namespace hearth::proxy {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class AuthRequest : public std::enable_shared_from_this<AuthRequest> {
public:
    AuthRequest(runtime::EventLoop& loop, std::string question,
                std::function<void(AuthAnswer)> done)
        : socket_(loop.context()),
          timer_(loop.context()),
          question_(std::move(question)),
          done_(std::move(done)) {}

    void start(const Endpoint& endpoint, Duration timeout) {
        timer_.expires_after(timeout);
        timer_.async_wait([self = shared_from_this()](const error_code& error) {
            if (!error) self->finish({});
        });
        const asio::ip::tcp::endpoint to{asio::ip::make_address(endpoint.address.to_string()),
                                         endpoint.port};
        socket_.async_connect(to, [self = shared_from_this()](const error_code& error) {
            if (!self->done_) return;
            if (error) return self->finish({});
            self->send();
        });
    }

private:
    void send() {
        asio::async_write(socket_, asio::buffer(question_),
                          [self = shared_from_this()](const error_code& error, std::size_t) {
                              if (!self->done_) return;
                              if (error) return self->finish({});
                              self->read();
                          });
    }

    void read() {
        if (size_ == octets_.size()) return finish({});
        socket_.async_read_some(
            asio::buffer(octets_.data() + size_, octets_.size() - size_),
            [self = shared_from_this()](const error_code& error, std::size_t got) {
                if (!self->done_) return;
                self->size_ += got;
                if (error) return self->ended();
                self->parse();
            });
    }

    void parse() {
        if (!has_head_ && !take_head()) return;
        take_body();
        if (body_.refusal() != Refusal::kNone) return finish({});
        if (body_.done()) return finish(std::move(answer_));
        read();
    }

    bool take_head() {
        const std::string_view text(octets_.data(), size_);
        switch (parser_.parse(text, Method::kGet)) {
            case ParseStatus::kNeedMore: read(); return false;
            case ParseStatus::kRefused: finish({}); return false;
            case ParseStatus::kDone: break;
        }
        const ResponseHead& head = parser_.head();
        if (head.status < 200) {
            finish({});
            return false;
        }
        answer_.status = head.status;
        for (const HeaderField& field : head.headers.fields())
            answer_.fields.emplace_back(field.name, field.value);
        has_head_ = true;
        used_ = parser_.consumed();
        body_.start(head.body, BodyKind::kUntilClose);
        return true;
    }

    void take_body() {
        Outgoing out;
        while (used_ < size_ && !body_.done() && body_.refusal() == Refusal::kNone) {
            out.clear();
            used_ += body_.advance(std::span(octets_).subspan(used_, size_ - used_), out);
            for (const std::string_view part : out.parts()) answer_.body.append(part);
        }
    }

    void ended() {
        Outgoing out;
        if (!has_head_ || !body_.end_of_input(out)) return finish({});
        finish(std::move(answer_));
    }

    void finish(AuthAnswer answer) {
        if (!done_) return;
        timer_.cancel();
        error_code ignored;
        socket_.close(ignored);
        std::exchange(done_, nullptr)(std::move(answer));
    }

    asio::ip::tcp::socket socket_;
    asio::steady_timer timer_;
    std::string question_;
    std::function<void(AuthAnswer)> done_;
    std::array<char, 64 * 1024> octets_;
    std::size_t size_ = 0;
    std::size_t used_ = 0;
    bool has_head_ = false;
    ResponseParser parser_;
    BodyFlow body_;
    AuthAnswer answer_;
};

}  // namespace

void ask_auth(runtime::EventLoop& loop, const Endpoint& endpoint, std::string question,
              Duration timeout, std::function<void(AuthAnswer)> done) {
    std::make_shared<AuthRequest>(loop, std::move(question), std::move(done))
        ->start(endpoint, timeout);
}

}  // namespace hearth::proxy
