#pragma once

#include <cstdint>
#include <string>

#include "dns/core/server_cookie.h"

namespace hearth::dns {

// The secrets of server cookies (RFC 9018 §5), another one each day. Nodes of one home that can
// read the peers' key make the same ones, so that a cookie is good on whichever node answers;
// without it they are this process's own, and a client that comes to another node gets a new
// cookie.
class CookieKeys {
public:
    explicit CookieKeys(const std::string& peer_key_file);

    // Of the day of `wall_ms`.
    [[nodiscard]] CookieSecrets secrets(std::int64_t wall_ms) const;
    [[nodiscard]] static std::int64_t day_of(std::int64_t wall_ms) noexcept;
    [[nodiscard]] bool is_shared() const noexcept { return is_shared_; }

private:
    [[nodiscard]] SipKey of_day(std::int64_t day) const;

    std::string root_;
    bool is_shared_ = false;
};

}  // namespace hearth::dns
