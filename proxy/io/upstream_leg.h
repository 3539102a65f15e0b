#pragma once

#include <optional>
#include <span>

#include "proxy/core/outgoing.h"
#include "proxy/io/io_result.h"
#include "proxy/model/hop_error.h"

namespace hearth::proxy {

class UpstreamConnection;

// Who uses a way to an upstream is told when it becomes ready.
class UpstreamUser {
public:
    virtual void on_upstream_ready() = 0;

protected:
    ~UpstreamUser() = default;
};

// A request's way to its upstream, in HTTP/1.1: a connection of its own, or a stream of an HTTP/2
// connection that it shares with others.
class UpstreamLeg {
public:
    virtual ~UpstreamLeg() = default;
    // Itself, when it is a connection of its own.
    [[nodiscard]] virtual UpstreamConnection* connection() noexcept { return nullptr; }

    // Nothing while the connection is under way; kNone once it stands.
    [[nodiscard]] virtual std::optional<HopReason> connect_result() = 0;
    [[nodiscard]] virtual bool readable() const noexcept = 0;
    [[nodiscard]] virtual IoResult read(std::span<char> room) = 0;
    [[nodiscard]] virtual bool writable() const noexcept = 0;
    [[nodiscard]] virtual IoResult write(const Outgoing& out) = 0;
    // Why, after kFailed.
    [[nodiscard]] virtual HopReason failure() const noexcept { return HopReason::kReset; }
    virtual void end_writing() = 0;

    void set_user(UpstreamUser* user) noexcept { user_ = user; }

protected:
    UpstreamUser* user_ = nullptr;
};

}  // namespace hearth::proxy
