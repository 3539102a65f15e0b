#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

#include "dns/io/byte_stream.h"
#include "runtime/event_loop.h"
#include "runtime/file_descriptor.h"

namespace hearth::dns {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr int kReadsPerTurn = 4;                // then the loop's other work gets a turn
constexpr std::size_t kKeptCapacity = 4 << 10;  // of a drained connection's output buffer

bool would_block() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

struct State : std::enable_shared_from_this<State> {
    State(runtime::EventLoop& loop, runtime::FileDescriptor socket, ReadBuffer& read_buffer)
        : descriptor(loop.context(), socket.release()), buffer(read_buffer) {}

    void wait_readable() {
        if (is_closed || is_waiting_to_read || is_paused || has_ended) return;
        is_waiting_to_read = true;
        descriptor.async_wait(Descriptor::wait_read,
                              [self = shared_from_this()](const error_code& error) {
                                  self->is_waiting_to_read = false;
                                  if (!error && !self->is_closed) self->read();
                              });
    }

    void read() {
        for (int i = 0; i < kReadsPerTurn && !is_closed && !is_paused; ++i) {
            const ssize_t count =
                ::recv(descriptor.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (count <= 0) {
                if (count < 0 && would_block()) break;
                has_ended = true;
                user->on_end(count == 0 ? StreamEnd::kFinished : StreamEnd::kBroken);
                return;
            }
            is_dispatching = true;
            user->on_octets(ByteView(buffer).first(static_cast<std::size_t>(count)));
            is_dispatching = false;
            if (is_closed) return;
            flush();
            if (static_cast<std::size_t>(count) < buffer.size()) break;
        }
        wait_readable();
    }

    void flush() {
        if (is_waiting_to_write || is_closed || sent == out.size()) return;
        while (sent < out.size()) {
            const ssize_t count = ::send(descriptor.native_handle(), out.data() + sent,
                                         out.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && would_block()) return wait_writable();
            if (count < 0) {
                has_ended = true;
                return user->on_end(StreamEnd::kBroken);
            }
            sent += static_cast<std::size_t>(count);
        }
        out.clear();
        sent = 0;
        if (out.capacity() > kKeptCapacity) out.shrink_to_fit();
        user->on_drained();
    }

    void wait_writable() {
        is_waiting_to_write = true;
        descriptor.async_wait(Descriptor::wait_write,
                              [self = shared_from_this()](const error_code& error) {
                                  self->is_waiting_to_write = false;
                                  if (!error) self->flush();
                              });
    }

    Descriptor descriptor;
    ReadBuffer& buffer;
    ByteStream::User* user = nullptr;
    std::vector<std::uint8_t> out;
    std::size_t sent = 0;
    bool is_waiting_to_read = false;
    bool is_waiting_to_write = false;
    bool is_dispatching = false;
    bool is_paused = false;
    bool has_ended = false;
    bool is_closed = false;
};

class PlainStream final : public ByteStream {
public:
    explicit PlainStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
    ~PlainStream() override { PlainStream::close(); }

    void start(User& user) override {
        state_->user = &user;
        state_->wait_readable();
    }
    void write(ByteView octets) override {
        state_->out.insert(state_->out.end(), octets.begin(), octets.end());
        if (!state_->is_dispatching) state_->flush();
    }
    std::size_t unsent() const noexcept override { return state_->out.size() - state_->sent; }
    void pause() noexcept override { state_->is_paused = true; }
    void resume() override {
        state_->is_paused = false;
        state_->wait_readable();
    }
    void close() noexcept override {
        if (std::exchange(state_->is_closed, true)) return;
        error_code ignored;
        state_->descriptor.close(ignored);
    }

private:
    std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<ByteStream> make_plain_stream(runtime::EventLoop& loop,
                                              runtime::FileDescriptor socket, ReadBuffer& buffer) {
    return std::make_unique<PlainStream>(std::make_shared<State>(loop, std::move(socket), buffer));
}

}  // namespace hearth::dns
