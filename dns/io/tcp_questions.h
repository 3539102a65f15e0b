#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/ip.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::dns {

// Questions to upstreams over TCP (RFC 7766), each on a connection of its own: they are
// rare, as only truncated answers lead here. Belongs to one loop's thread.
class TcpQuestions {
public:
    // `answer` is empty when there was none.
    using OnAnswer = std::function<void(std::uint64_t exchange, ByteView answer)>;

    TcpQuestions(runtime::EventLoop& loop, OnAnswer on_answer);
    ~TcpQuestions();

    void ask(std::uint64_t exchange, const Endpoint& endpoint, ByteView question);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::dns
