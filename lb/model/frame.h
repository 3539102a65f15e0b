#pragma once

#include <cstdint>
#include <vector>

#include "base/mac.h"

namespace hearth::lb {

enum class EtherType : std::uint16_t { kIpv4 = 0x0800, kArp = 0x0806, kIpv6 = 0x86dd };

// What leaves through the LAN's interface; the Ethernet source is that interface's own.
struct Frame {
    MacAddress destination;
    EtherType type = EtherType::kArp;
    std::vector<std::uint8_t> payload;
};

// Whom a received frame was addressed to on the Ethernet.
enum class Delivery : std::uint8_t { kToUs, kBroadcast, kMulticast, kOtherHost };

}  // namespace hearth::lb
