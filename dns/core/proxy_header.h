#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip.h"

namespace hearth::dns {

// Reads the PROXY protocol's header, version 2, that a proxy sends ahead of a connection's octets:
// whose connection it passes on (haproxy's proxy-protocol.txt §2.2). Octets may come cut anywhere.
class ProxyHeaderReader {
public:
    enum class State : std::uint8_t {
        kNeedMore,
        kComplete,
        kBad,  // another protocol or version, no addresses, longer than kMaxSize
    };

    // Takes what belongs to the header from the front of `octets`.
    [[nodiscard]] State feed(ByteView& octets) noexcept;

    // When complete. Of a connection that the proxy makes for itself (LOCAL): loopback.
    [[nodiscard]] const Endpoint& client() const noexcept { return client_; }
    [[nodiscard]] const IpAddress& local() const noexcept { return local_; }

    static constexpr std::size_t kMaxSize = 536;  // what a proxy may send without asking (§2.2)

private:
    [[nodiscard]] State finish() noexcept;

    std::array<std::uint8_t, kMaxSize> header_;
    std::size_t size_ = 0;
    Endpoint client_;
    IpAddress local_;
};

}  // namespace hearth::dns
