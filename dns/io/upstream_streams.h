#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "dns/core/upstream_state.h"
#include "dns/io/byte_stream.h"
#include "dns/io/tls_stream.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::dns {

class UpstreamLink;

// Questions to upstreams over connections: TCP (RFC 7766), TLS (RFC 7858) and HTTPS (RFC 8484). One
// connection for each server, opened when there is something to ask, shared by all questions,
// answers taken in whatever order they come, closed after a while without any. A question on a kept
// connection that breaks is asked once more on a new one. Belongs to one loop's thread.
class UpstreamStreams {
public:
    // `answer` is empty when there was none. Never called from within ask().
    using OnAnswer =
        std::function<void(std::uint64_t exchange, UpstreamIndex upstream, ByteView answer)>;

    UpstreamStreams(runtime::EventLoop& loop, OnAnswer on_answer);
    ~UpstreamStreams();

    // Whom TLS servers must be certified by; for connections from now on.
    void set_trust(std::shared_ptr<const TlsTrust> trust);

    void ask(std::uint64_t exchange, UpstreamIndex upstream, const UpstreamServer& server,
             ByteView question);

    // Closes what nobody used for a while, and connections that have gone silent with questions
    // on them; about once a second.
    void tidy();

    // What is wrong with connections to a server, as "certificate has expired"; nothing for
    // those that work.
    [[nodiscard]] std::map<UpstreamIndex, std::string> troubles() const;

private:
    friend class UpstreamLink;
    runtime::EventLoop& loop_;
    OnAnswer on_answer_;
    ReadBuffer buffer_;
    std::shared_ptr<const TlsTrust> trust_;
    // By upstream; a server that speaks UDP has one for what does not fit.
    std::map<UpstreamIndex, std::shared_ptr<UpstreamLink>> links_;
};

}  // namespace hearth::dns
