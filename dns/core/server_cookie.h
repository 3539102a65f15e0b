#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip.h"
#include "dns/core/blocklist_hash.h"

namespace hearth::dns {

inline constexpr std::size_t kClientCookieSize = 8;
inline constexpr std::size_t kWholeCookieSize = 24;  // the client's 8 octets and ours
using WholeCookie = std::array<std::uint8_t, kWholeCookieSize>;

// What the servers of one home make their cookies with. Those of the neighbouring periods are
// taken as well: clocks differ, and a client keeps a cookie beyond the change.
struct CookieSecrets {
    SipKey current;
    SipKey previous;
    SipKey next;
};

enum class CookieState : std::uint8_t {
    kNone,     // no COOKIE option
    kUnknown,  // the client's part alone, or a server's part that is not ours or too old
    kProven,   // ours: the client reads what is sent to its address
};

// The server cookie of RFC 9018 §4, which other implementations with the same secret understand:
// version 1, time, SipHash-2-4 over the client's cookie, these and the address.
[[nodiscard]] WholeCookie make_cookie(ByteView client_cookie, const IpAddress& client,
                                      std::uint32_t unix_seconds, SipKey secret) noexcept;

// Judges the option's data as it came (8 octets, or 16 to 40) and writes the answer's: the same one
// while it is fresh, else a new one (RFC 9018 §4.3: an hour old at most, 5 minutes ahead at most).
[[nodiscard]] CookieState answer_cookie(ByteView option, const IpAddress& client,
                                        std::uint32_t unix_seconds, const CookieSecrets& secrets,
                                        WholeCookie& answer) noexcept;

[[nodiscard]] constexpr bool is_cookie_size(std::size_t size) noexcept {
    return size == kClientCookieSize || (size >= 16 && size <= 40);
}

// The standard SipHash-2-4 of a byte string.
[[nodiscard]] std::uint64_t siphash24(SipKey key, ByteView bytes) noexcept;

}  // namespace hearth::dns
