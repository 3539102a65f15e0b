#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip.h"

namespace hearth::certs {

// Seconds since 1970, on the clock on the wall: what certificates are written in.
using UnixTime = std::int64_t;

inline constexpr UnixTime kDay = 24 * 3600;

struct Validity {
    UnixTime not_before = 0;
    UnixTime not_after = 0;  // still in it

    friend bool operator==(const Validity&, const Validity&) = default;
};

// Whose certificates a leaf is among.
enum class Consumer : std::uint8_t { kProxy, kDns };

// A leaf that somebody needs: one name, and with DNS over TLS the addresses it is asked at (RFC
// 9462 §4.2).
struct WantedLeaf {
    Consumer consumer = Consumer::kProxy;
    std::string name;  // lower case, without a final dot
    std::vector<IpAddress> addresses;

    friend bool operator==(const WantedLeaf&, const WantedLeaf&) = default;
};

// What a root may sign (RFC 5280 §4.2.1.10). Nothing in a list: anything of that kind.
struct Scope {
    std::vector<std::string> domains;  // "home" stands for itself and what is under it
    std::vector<IpPrefix> networks;

    friend bool operator==(const Scope&, const Scope&) = default;
};

// What a root's certificate says of itself.
struct RootFacts {
    std::string subject;      // its common name
    std::string fingerprint;  // SHA-256, "AB:CD:…"
    Validity validity;
    Scope scope;
};

}  // namespace hearth::certs
