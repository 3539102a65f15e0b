#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/result.h"
#include "dns/core/wire_view.h"
#include "runtime/udp_socket.h"

namespace hearth::dns {

// Where the resolvers of this process ask the servers of an upstream group: a UDP socket on
// loopback for each group. An answer from there is as good as from outside, and no more is
// believed. Belongs to one loop's thread.
class BackDoor {
public:
    // `errand` is above 0, and to be given to reply() once.
    using OnQuestion =
        std::function<void(std::uint64_t errand, std::uint16_t group, const QueryView& query)>;

    BackDoor(runtime::EventLoop& loop, OnQuestion on_question);

    // For one group there is one socket, on a port of the system's choice.
    [[nodiscard]] Result<Endpoint> open(std::uint16_t group);
    // The answer has the question's ID already.
    void reply(std::uint64_t errand, ByteView answer);

private:
    struct Asker {
        std::uint16_t group = 0;
        runtime::UdpPath path;
    };
    void on_batch(std::uint16_t group, const runtime::UdpBatch& batch);

    runtime::EventLoop& loop_;
    OnQuestion on_question_;
    std::map<std::uint16_t, std::unique_ptr<runtime::UdpSocket>> sockets_;  // by group
    std::unordered_map<std::uint64_t, Asker> askers_;                       // by errand
    std::uint64_t next_ = 1;
};

}  // namespace hearth::dns
