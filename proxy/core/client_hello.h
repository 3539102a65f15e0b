#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hearth::proxy {

// What the first octets of a TLS connection ask for.
struct ClientHello {
    enum class State : std::uint8_t {
        kNeedMore,
        kComplete,
        kForeign,  // no TLS, malformed, or longer than any client's: for a TLS library to refuse
    };
    State state = State::kNeedMore;
    // As in the extension server_name (RFC 6066 §3), lower case, without a final dot; empty: none.
    // With Encrypted Client Hello it is the outer one.
    std::string server_name;
};

// A ClientHello, over however many records it is spread (RFC 8446 §4.1.2, §5.1), is at most so
// long; those of browsers with post-quantum key shares have 2 KiB.
inline constexpr std::size_t kMostClientHello = 16 * 1024;
// With the headers of records of a sensible size.
inline constexpr std::size_t kMostHelloOctets = kMostClientHello + 2 * 1024;

// `octets`: all that has arrived, from the connection's first on.
[[nodiscard]] ClientHello read_client_hello(std::span<const char> octets);

}  // namespace hearth::proxy
