#include "lb/io/soa_probe.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <random>
#include <utility>
#include <vector>

#include "lb/core/soa_question.h"
#include "runtime/event_loop.h"
#include "runtime/socket_address.h"

namespace hearth::lb {
namespace {

namespace asio = boost::asio;

struct Question : std::enable_shared_from_this<Question> {
    Question(runtime::EventLoop& loop, std::function<void(Answered)> d, SoaServer k)
        : socket(loop.context()), timer(loop.context()), done(std::move(d)), kind(k) {}

    void ask(const Endpoint& server, const Name& domain, Duration timeout) {
        id = static_cast<std::uint16_t>(std::random_device{}());
        timer.expires_after(timeout);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error) self->finish(Answered::kNo);
        });
        const auto address = runtime::to_socket_address(server);
        asio::ip::udp::endpoint endpoint;
        endpoint.resize(address.size);
        std::memcpy(endpoint.data(), &address.any, address.size);
        boost::system::error_code error;
        socket.connect(endpoint, error);
        const auto message = write_soa_question(id, domain, kind);
        if (!error) socket.send(asio::buffer(message), 0, error);
        if (error) {  // nobody listens: the timer would only be later
            timer.expires_after(Duration{});
            timer.async_wait([self = shared_from_this()](const boost::system::error_code&) {
                self->finish(Answered::kNo);
            });
            return;
        }
        receive();
    }

    void receive() {
        socket.async_receive(
            asio::buffer(answer),
            [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
                if (!self->done) return;
                if (error) return self->finish(Answered::kNo);
                if (is_soa_answer({self->answer.data(), size}, self->id, self->kind))
                    return self->finish(Answered::kYes);
                self->receive();
            });
    }

    void finish(Answered answered) {
        boost::system::error_code ignored;
        socket.close(ignored);
        timer.cancel();
        if (auto call = std::exchange(done, nullptr)) call(answered);
    }

    asio::ip::udp::socket socket;
    asio::steady_timer timer;
    std::function<void(Answered)> done;
    std::array<std::uint8_t, 1232> answer{};
    std::uint16_t id = 0;
    SoaServer kind;
};

}  // namespace

void ask_soa(runtime::EventLoop& loop, const Endpoint& server, const Name& domain, Duration timeout,
             std::function<void(Answered)> done, SoaServer kind) {
    std::make_shared<Question>(loop, std::move(done), kind)->ask(server, domain, timeout);
}

}  // namespace hearth::lb
