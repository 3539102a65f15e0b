#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "proxy/model/message.h"

// Who a request comes from: what we saw of the connection, and what a proxy of ours says.
namespace hearth::proxy {

// The fields in which trusted proxies tell about their clients. One kind only: a proxy that writes
// one passes on what its client wrote into the other.
enum class TrustedHeader : std::uint8_t { kXForwarded, kForwarded };

// Who sent a request, as far as we saw it ourselves.
struct Peer {
    IpAddress address;
    std::string_view text;             // the address as text
    bool trusted = false;              // a proxy of ours: what it says about its client is believed
    std::string_view scheme = "http";  // of the connection: http or https
    TrustedHeader header = TrustedHeader::kXForwarded;
    bool tell_forwarded = false;  // the service wants Forwarded besides X-Forwarded-*
};

// What holds of the request. Views into its head, the peer, or constants.
struct Origin {
    IpAddress client;
    std::string_view scheme;  // http or https
    std::string_view host;    // as the client asked for it
    std::string_view port;    // as a trusted proxy gave it, or empty
};

// The client is the peer; when the peer is trusted, the last address in what it tells that
// is not one of our proxies. With Forwarded, scheme and host are what the outermost of them saw.
[[nodiscard]] Origin origin_of(const RequestHead& head, const Peer& peer,
                               const std::vector<IpPrefix>& trusted) noexcept;

// The addresses the request has passed, for X-Forwarded-For: the client's first, the peer's last.
[[nodiscard]] std::string passed_addresses(const RequestHead& head, const Peer& peer);
// The same as a Forwarded field, the last element complete.
[[nodiscard]] std::string forwarded_field(const RequestHead& head, const Peer& peer);

[[nodiscard]] bool is_trusted(const IpAddress& address,
                              const std::vector<IpPrefix>& trusted) noexcept;

}  // namespace hearth::proxy
