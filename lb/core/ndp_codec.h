#pragma once

#include <tl/expected.hpp>

#include "base/bytes.h"
#include "lb/model/drop.h"
#include "lb/model/frame.h"
#include "lb/model/ndp.h"

// Neighbour solicitations and advertisements inside IPv6 (RFC 4861 §4.3, §4.4):
//
//   IPv6 header, hop limit 255, next header 58
//   | type 135 or 136 | code 0 | checksum | flags 8, reserved 24 | target 128 |
//   | option: type 1 (source) or 2 (target), length 1, Ethernet address | × 0 or 1
namespace hearth::lb {

// `packet` begins at the IPv6 header; Ethernet padding behind it is cut off. What RFC 4861 §7.1
// tells hosts to ignore is refused.
[[nodiscard]] tl::expected<NdpPacket, Drop> parse_ndp(ByteView packet) noexcept;

[[nodiscard]] Frame ndp_frame(MacAddress destination, const NdpPacket& packet);

// ff02::1:ffXX:XXXX: where those listen whose address ends like `address` (RFC 4291 §2.7.1).
[[nodiscard]] IpAddress solicited_node_group(const IpAddress& address) noexcept;
// 33:33 and the last four octets (RFC 2464 §7).
[[nodiscard]] MacAddress multicast_mac(const IpAddress& group) noexcept;

// Tells everybody that `address` is here now: O=1, S=0, the form that Linux takes as an update.
[[nodiscard]] Frame unsolicited_advertisement(MacAddress own, const IpAddress& address);

// Does anybody use `address`? Claims nothing (RFC 4862 §5.4.2).
[[nodiscard]] Frame ndp_probe(const IpAddress& address);
[[nodiscard]] Frame ndp_question(MacAddress own_mac, const IpAddress& own_ip,
                                 const IpAddress& address);
// The answer to `question`, which `from` sent on the Ethernet: to its asker alone (S=1), or to all
// nodes when it is a probe (RFC 4861 §7.2.4).
[[nodiscard]] Frame ndp_answer(MacAddress own, const NdpPacket& question, MacAddress from);

}  // namespace hearth::lb
