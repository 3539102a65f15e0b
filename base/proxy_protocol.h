#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/ip.h"

// The PROXY protocol (haproxy's proxy-protocol.txt): the header that a proxy sends ahead of a
// connection's octets to say whose connection it passes on.
namespace hearth {

// Reads the header of either version. Octets may come cut anywhere.
class ProxyHeaderReader {
public:
    enum class State : std::uint8_t {
        kNeedMore,
        kComplete,
        kBad,  // another protocol, no TCP addresses, longer than kMaxSize
    };

    // Takes what belongs to the header from the front of `octets`.
    [[nodiscard]] State feed(ByteView& octets) noexcept;

    // When complete. False: the proxy made the connection for itself (LOCAL), or does not know
    // whose it is (UNKNOWN); client() and local() are loopback then.
    [[nodiscard]] bool names_client() const noexcept { return names_client_; }
    [[nodiscard]] const Endpoint& client() const noexcept { return client_; }
    [[nodiscard]] const IpAddress& local() const noexcept { return local_; }

    static constexpr std::size_t kMaxSize = 536;  // what a proxy may send without asking (§2.2)

private:
    [[nodiscard]] State feed_text(ByteView& octets) noexcept;
    [[nodiscard]] State feed_binary(ByteView& octets) noexcept;
    [[nodiscard]] State finish_text() noexcept;
    [[nodiscard]] State finish_binary() noexcept;
    [[nodiscard]] State nobody() noexcept;

    std::array<std::uint8_t, kMaxSize> header_;
    std::size_t size_ = 0;
    bool names_client_ = false;
    Endpoint client_;
    IpAddress local_;
};

enum class ProxyProtocol : std::uint8_t { kNone, kV1, kV2 };

// The header for a TCP connection of `client` to `server`; empty with kNone.
[[nodiscard]] std::string proxy_header(ProxyProtocol version, const Endpoint& client,
                                       const Endpoint& server);
// Of a connection that the proxy makes for itself: LOCAL, or UNKNOWN.
[[nodiscard]] std::string proxy_header_of_nobody(ProxyProtocol version);

}  // namespace hearth
