#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace hearth::runtime {
class EventLoop;
class FileDescriptor;
}  // namespace hearth::runtime

namespace hearth::dns {

enum class StreamEnd : std::uint8_t {
    kFinished,  // the peer sends no more, but may still read
    kBroken,    // nothing goes either way any more
};

// A connection of a client, plain or encrypted, to the code that speaks a protocol over it. Belongs
// to its loop's thread.
class ByteStream {
public:
    class User {
    public:
        // A view into a buffer that all connections of the thread share. May call every member of
        // the stream.
        virtual void on_octets(ByteView octets) = 0;
        virtual void on_end(StreamEnd end) = 0;
        // All that was written has left.
        virtual void on_drained() = 0;

    protected:
        ~User() = default;
    };

    ByteStream() = default;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;
    virtual ~ByteStream() = default;

    // `user` lives until close().
    virtual void start(User& user) = 0;
    // Sent at once as far as it goes; what is written during on_octets() leaves together after it.
    virtual void write(ByteView octets) = 0;
    // Octets that the peer has not taken yet.
    [[nodiscard]] virtual std::size_t unsent() const noexcept = 0;
    // Reads no further until resume().
    virtual void pause() noexcept = 0;
    virtual void resume() = 0;
    // No call to the user from now on.
    virtual void close() noexcept = 0;
    // What TLS agreed on, as "h2"; empty without.
    [[nodiscard]] virtual std::string_view protocol() const noexcept { return {}; }
    // Why it broke, as "certificate has expired"; empty where there is nothing to tell.
    [[nodiscard]] virtual std::string trouble() const { return {}; }
};

// The shared buffer of a thread's streams: no connection that waits holds one of its own.
using ReadBuffer = std::vector<std::uint8_t>;
inline constexpr std::size_t kReadBufferSize = 64U << 10;

// Plain TCP, or a Unix socket. `buffer` outlives the stream.
[[nodiscard]] std::unique_ptr<ByteStream> make_plain_stream(runtime::EventLoop& loop,
                                                            runtime::FileDescriptor socket,
                                                            ReadBuffer& buffer);

}  // namespace hearth::dns
