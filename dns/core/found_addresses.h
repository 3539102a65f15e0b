#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"

namespace hearth::dns {

// What an answer says of where a name is.
struct FoundAddresses {
    std::vector<IpAddress> addresses;
    std::uint32_t ttl = 0;  // the lowest, in seconds

    friend bool operator==(const FoundAddresses&, const FoundAddresses&) = default;
};

// The A and AAAA records of an answer that a server may have; none in a malformed or negative one.
[[nodiscard]] FoundAddresses addresses_in(ByteView answer);

}  // namespace hearth::dns
