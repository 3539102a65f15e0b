#include "dns/io/tcp_questions.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstring>
#include <vector>

#include "dns/model/protocol.h"
#include "runtime/event_loop.h"
#include "runtime/socket_address.h"

namespace hearth::dns {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::chrono::milliseconds kDeadline{3000};

tcp::endpoint to_asio(const Endpoint& endpoint) {
    const auto address = runtime::to_socket_address(endpoint);
    tcp::endpoint result;
    std::memcpy(result.data(), &address.any, address.size);
    result.resize(address.size);
    return result;
}

}  // namespace

struct TcpQuestions::Impl {
    explicit Impl(asio::io_context& c, OnAnswer handler)
        : context(c), on_answer(std::move(handler)) {}

    asio::io_context& context;
    OnAnswer on_answer;  // empty once the owner is gone
};

namespace {

// One question; keeps itself alive through its handlers.
struct Asking : std::enable_shared_from_this<Asking> {
    Asking(asio::io_context& context, std::uint64_t token,
           std::function<void(std::uint64_t, ByteView)> handler)
        : socket(context), deadline(context), exchange(token), on_end(std::move(handler)) {}

    void start(const Endpoint& endpoint, ByteView question) {
        bytes.resize(2 + question.size());
        store_be16(bytes.data(), static_cast<std::uint16_t>(question.size()));
        std::copy(question.begin(), question.end(), bytes.begin() + 2);
        deadline.expires_after(kDeadline);
        deadline.async_wait([self = shared_from_this()](Error error) {
            if (!error) self->end({});
        });
        socket.async_connect(to_asio(endpoint), [self = shared_from_this()](Error error) {
            error ? self->end({}) : self->write();
        });
    }

    void write() {
        asio::async_write(socket, asio::buffer(bytes),
                          [self = shared_from_this()](Error error, std::size_t) {
                              error ? self->end({}) : self->read_size();
                          });
    }

    void read_size() {
        asio::async_read(socket, asio::buffer(bytes.data(), 2),
                         [self = shared_from_this()](Error error, std::size_t) {
                             error ? self->end({}) : self->read_answer();
                         });
    }

    void read_answer() {
        bytes.resize(std::max<std::size_t>(load_be16(bytes.data()), 1));
        asio::async_read(socket, asio::buffer(bytes),
                         [self = shared_from_this()](Error error, std::size_t) {
                             self->end(error ? ByteView{} : ByteView(self->bytes));
                         });
    }

    void end(ByteView answer) {
        if (!on_end) return;
        Error ignored;
        socket.close(ignored);
        deadline.cancel();
        std::exchange(on_end, nullptr)(exchange, answer);
    }

    tcp::socket socket;
    asio::steady_timer deadline;
    std::uint64_t exchange;
    std::function<void(std::uint64_t, ByteView)> on_end;
    std::vector<std::uint8_t> bytes;
};

}  // namespace

TcpQuestions::TcpQuestions(runtime::EventLoop& loop, OnAnswer on_answer)
    : impl_(std::make_shared<Impl>(loop.context(), std::move(on_answer))) {}

TcpQuestions::~TcpQuestions() { impl_->on_answer = nullptr; }

void TcpQuestions::ask(std::uint64_t exchange, const Endpoint& endpoint, ByteView question) {
    // The owner may be gone, or the failure immediate: never calls back from within ask().
    const auto asking = std::make_shared<Asking>(
        impl_->context, exchange, [impl = impl_](std::uint64_t token, ByteView answer) {
            if (impl->on_answer) impl->on_answer(token, answer);
        });
    asking->start(endpoint, question);
}

}  // namespace hearth::dns
