#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/ip.h"
#include "proxy/core/outgoing.h"
#include "proxy/io/io_result.h"
#include "proxy/io/tls.h"
#include "proxy/model/hop_error.h"
#include "runtime/file_descriptor.h"

namespace hearth::proxy {

// A non-blocking stream socket, bare or under TLS, and what is known of its readiness
// (edge-triggered: a side is ready until a call said otherwise).
class Stream {
public:
    Stream() noexcept = default;
    explicit Stream(runtime::FileDescriptor fd) noexcept : fd_(std::move(fd)) {}

    // Begins a connection. `why` is set when that fails at once.
    [[nodiscard]] static Stream connect_to(const Endpoint& endpoint, HopReason& why) noexcept;
    // The same to a Unix socket: absolute, at most 107 octets.
    [[nodiscard]] static Stream connect_to(std::string_view path, HopReason& why) noexcept;
    // After the first event of a connection under way: kNone when it stands.
    [[nodiscard]] HopReason connect_result() const noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(fd_); }

    void note(std::uint32_t events) noexcept;
    [[nodiscard]] bool readable() const noexcept { return readable_; }
    [[nodiscard]] bool writable() const noexcept { return writable_; }
    // It will send no more than what has arrived.
    [[nodiscard]] bool has_ended() const noexcept { return peer_ended_ || broken_; }
    // Both directions are dead: reset, or closed by both.
    [[nodiscard]] bool broken() const noexcept { return broken_; }

    // From now on everything goes through TLS, beginning with its handshake(); null: bare.
    void secure(std::unique_ptr<TlsChannel> channel) noexcept { tls_ = std::move(channel); }
    [[nodiscard]] bool is_secure() const noexcept { return tls_ != nullptr; }
    [[nodiscard]] TlsChannel* tls() const noexcept { return tls_.get(); }
    [[nodiscard]] IoResult handshake() noexcept;

    // What has arrived, left where it is; beneath TLS.
    [[nodiscard]] IoResult peek(std::span<char> room) noexcept;
    // Throws away what peek() showed.
    void skip(std::size_t octets) noexcept;
    // Of what is written, little waits in the kernel for a peer that takes it slowly.
    static void hold_back(int fd) noexcept;

    // More has to arrive before a look is worth it.
    void wait_for_more() noexcept { readable_ = peer_ended_ || broken_; }

    [[nodiscard]] IoResult read(std::span<char> room) noexcept;
    // Why, after kFailed.
    [[nodiscard]] HopReason failure() const noexcept;
    [[nodiscard]] IoResult write(const Outgoing& out) noexcept;

    // Sends the end of our octets; the other direction stays open.
    void end_writing() noexcept;
    // TCP keep-alive: a peer that is gone without a word is found within 75 s.
    void watch_peer() noexcept;
    // The same and more, for who waits for the peer: it is given up when it acknowledges nothing,
    // or takes nothing, for 60 s.
    void expect_peer() noexcept;
    // Under TLS says first that what was sent is everything, unless it is not.
    void close() noexcept;
    // close() will tell the peer that what it got is not everything (RST).
    void abort_on_close() noexcept;

    // An unused connection on which nothing has arrived: still good for a request.
    [[nodiscard]] bool is_quiet() const noexcept;

private:
    [[nodiscard]] IoResult read_secure(std::span<char> room) noexcept;

    runtime::FileDescriptor fd_;
    std::unique_ptr<TlsChannel> tls_;
    bool readable_ = false;
    bool writable_ = false;
    bool peer_ended_ = false;
    bool broken_ = false;
    bool aborting_ = false;
    int error_ = 0;  // of the last read()
};

}  // namespace hearth::proxy
