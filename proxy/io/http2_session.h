#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "proxy/core/body_window.h"
#include "proxy/core/http2_request.h"
#include "proxy/core/http2_response.h"
#include "proxy/core/path_window.h"

namespace hearth::proxy {

class PiecePool;

// What becomes of one stream, and what it has to send. Lives until on_closed().
class Http2StreamUser {
public:
    // Fields of a head or of trailers, then that they are complete. Views live during the call.
    // False: they are too much, and nothing more is read of the connection.
    virtual bool on_field(std::string_view name, std::string_view value) = 0;
    virtual void on_fields_end(StreamEnd end) = 0;
    // Octets of the body; Http2Session::consume() makes room for as many again.
    virtual void on_data(std::string_view octets) = 0;
    virtual void on_data_end() = 0;
    // END_STREAM has left.
    virtual void on_end_sent() = 0;
    // Both sides have ended it, or one has reset it.
    virtual void on_closed() = 0;

    struct Supply {
        std::size_t octets = 0;
        bool is_last = false;      // nothing follows these octets but
        std::span<char> trailers;  // lines of HTTP/1.1
    };
    // What of the body may leave now. None and not the last: wait for Http2Session::resume().
    virtual Supply supply() = 0;
    // `octets` of the supply leave: copy them there.
    virtual void take(char* to, std::size_t octets) = 0;

protected:
    ~Http2StreamUser() = default;
};

// One side of an HTTP/2 connection (RFC 9113) without a socket: octets go in by receive(), what is
// to leave comes out by send(). nghttp2 does the protocol. On one thread; none of its calls may
// be made from on_…() but consume() and reset().
class Http2Session {
public:
    enum class Side : std::uint8_t { kServer, kClient };
    // Who answers the streams that the peer opens; nullptr refuses one.
    class Acceptor {
    public:
        virtual Http2StreamUser* on_stream(std::int32_t id) = 0;

    protected:
        ~Acceptor() = default;
    };

    static constexpr std::uint32_t kMaxStreams = 100;
    static constexpr std::size_t kMaxFrame = 16 * 1024;

    // `acceptor` of a server outlives it, and so does `pieces`, where its memory comes from; null:
    // from malloc.
    Http2Session(Side side, Acceptor* acceptor, PiecePool* pieces = nullptr);
    ~Http2Session();
    Http2Session(const Http2Session&) = delete;
    Http2Session& operator=(const Http2Session&) = delete;

    // Octets of the peer, cut anywhere. False: send what is left (GOAWAY), then close.
    [[nodiscard]] bool receive(std::span<const char> octets);
    // Serialises frames into `room`, larger than a frame; how many octets. 0: nothing is to be
    // sent.
    [[nodiscard]] std::size_t send(std::span<char> room);
    // Neither side has anything to say any more.
    [[nodiscard]] bool is_over() const noexcept;

    // An answer's head, or an interim one. With kOpen the user's supply() is the body.
    enum class Head : std::uint8_t { kInterim, kFinal };
    void respond(std::int32_t id, std::span<const Http2Field> fields, Head head, StreamEnd end);
    // A client's request; the stream, 0 when it cannot be. With kOpen supply() is the body.
    [[nodiscard]] std::int32_t ask(std::span<const Http2Field> fields, StreamEnd end,
                                   Http2StreamUser& user);
    // The user of a stream is no longer there.
    void forget(std::int32_t id);
    // A client may ask, and how much at a time.
    [[nodiscard]] bool takes_requests() const noexcept;
    [[nodiscard]] std::size_t most_requests() const noexcept;

    // Whether a client may ask for a tunnel by extended CONNECT (RFC 8441 §3); nothing is known of
    // it before the peer's SETTINGS have come.
    [[nodiscard]] std::optional<bool> takes_tunnels() const noexcept;

    // There is more to supply.
    void resume(std::int32_t id);
    // Octets of on_data() were used up: of the stream's window, of that of all together, of both.
    // The peer hears of it when it is half of a window, or at once.
    enum class Tell : std::uint8_t { kInTime, kAtOnce };
    void consume_of_stream(std::int32_t id, std::size_t octets, Tell tell);
    void consume_of_all(std::size_t octets);
    void consume(std::int32_t id, std::size_t octets);
    // The peer may send so much of it at a time; of all together with 0.
    void widen(std::int32_t id, std::int32_t window);
    enum class Why : std::uint8_t { kNoError, kInternalError, kCancel };
    void reset(std::int32_t id, Why why);

    // No further streams, in two steps (RFC 9113 §6.8): those on their way still count, then no
    // more.
    void announce_end();
    void refuse_streams();
    // The peer is a nuisance: GOAWAY with ENHANCE_YOUR_CALM.
    void expel();
    // Asks the peer for a sign of life; its answer is octets to receive() as any.
    void ping();
    // How many have come.
    [[nodiscard]] std::uint64_t pongs() const noexcept;

    // It was ended for what the peer has sent.
    [[nodiscard]] bool blames_peer() const noexcept;

    // Octets so far of fields as they were decoded: few octets on the wire can mean many.
    [[nodiscard]] std::uint64_t decoded() const noexcept;

    // Frames so far that carried neither a request nor octets: floods are made of them.
    [[nodiscard]] std::uint64_t idle_frames() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::proxy
