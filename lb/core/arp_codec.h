#pragma once

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "lb/model/arp.h"
#include "lb/model/drop.h"
#include "lb/model/frame.h"

namespace hearth::lb {

// `payload` is what follows the Ethernet header; padding behind the packet is normal.
[[nodiscard]] tl::expected<ArpPacket, Drop> parse_arp(ByteView payload) noexcept;

void write_arp(ByteWriter& out, const ArpPacket& packet) noexcept;
[[nodiscard]] Frame arp_frame(MacAddress destination, const ArpPacket& packet);

// The forms that Linux accepts as an update of an entry it has, even inside its lock time:
// a request with an empty target, and a reply whose target is its sender.
[[nodiscard]] Frame gratuitous_request(MacAddress own, IpAddress address);
[[nodiscard]] Frame gratuitous_reply(MacAddress own, IpAddress address);

// Does anybody use `address`? Claims nothing (RFC 5227 §2.1.1).
[[nodiscard]] Frame arp_probe(MacAddress own, IpAddress address);
[[nodiscard]] Frame arp_question(MacAddress own_mac, IpAddress own_ip, IpAddress address);
// The answer to `question`, to its asker alone.
[[nodiscard]] Frame arp_answer(MacAddress own, const ArpPacket& question);

}  // namespace hearth::lb
