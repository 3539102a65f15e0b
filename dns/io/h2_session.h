#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace hearth::dns {

// What DNS over HTTPS looks at in a request or in a response (RFC 8484); other fields are dropped.
struct H2Message {
    std::string method;        // requests
    std::string path;          // requests
    std::string authority;     // requests
    int status = 0;            // responses
    std::string content_type;  // as sent
    std::string accept;        // requests
    std::vector<std::uint8_t> body;
};

struct H2Limits {
    std::uint32_t streams = 128;           // of the peer's, open at the same time
    std::size_t body = 65'535;             // octets; a stream with more is reset
    std::size_t field = 4096;              // octets of one field that is kept
    std::size_t resets_per_session = 512;  // streams that the peer took back; then it ends
};

class H2Events {
public:
    // A request (server) or a response (client) is complete. May call respond(), not feed().
    virtual void on_message(std::int32_t stream, const H2Message& message) = 0;
    // The stream is gone. Client: without on_message() before, it failed; the question may be
    // asked again elsewhere.
    virtual void on_stream_closed(std::int32_t stream) = 0;

protected:
    ~H2Events() = default;
};

// One HTTP/2 connection (RFC 9113), either side, without a socket: octets go in by feed(), what
// is to be sent comes out by take_output(). nghttp2 does the protocol. Not for use by two threads.
class H2Session {
public:
    enum class Side { kServer, kClient };

    // `events` outlives the session. The preface and SETTINGS wait in take_output().
    H2Session(Side side, H2Events& events, const H2Limits& limits = {});
    ~H2Session();
    H2Session(const H2Session&) = delete;
    H2Session& operator=(const H2Session&) = delete;

    // Octets of the peer, cut anywhere. False: the connection is broken; send what
    // take_output() has (GOAWAY), then close.
    [[nodiscard]] bool feed(ByteView octets);

    // Appends what is to be sent to `out`. Until `out` has `most` octets; call again when sent.
    void take_output(std::vector<std::uint8_t>& out, std::size_t most = 64U << 10);

    // Server: answers a stream. `max_age` is Cache-Control's (RFC 8484 §5.1). Ignored when
    // the stream is gone.
    struct Response {
        int status = 200;
        std::string_view content_type;  // empty: no body
        std::optional<std::uint32_t> max_age;
        ByteView body;
    };
    void respond(std::int32_t stream, const Response& response);

    // Client: POST with application/dns-message; the stream, nullopt when the connection takes no
    // further ones.
    struct Request {
        std::string_view authority;
        std::string_view path;
        ByteView body;
    };
    [[nodiscard]] std::optional<std::int32_t> request(const Request& request);
    // Client: nobody waits for the answer any more.
    void cancel(std::int32_t stream);

    // Announces the end (GOAWAY): streams that are open are still served.
    void shut_down();

    // Nothing is to be read or written any more: close the connection.
    [[nodiscard]] bool finished() const noexcept;
    // Streams that are open.
    [[nodiscard]] std::size_t open_streams() const noexcept;
    // Client: further questions are taken.
    [[nodiscard]] bool accepts_requests() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::dns
