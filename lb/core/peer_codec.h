#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "lb/model/node_report.h"
#include "lb/model/peer_order.h"

// What hearth-lb daemons say to each other inside their TLS connection. A stream of messages:
//
//   | length 4 | type 1 | body length |       length at most kMaxBody
//   hello    = protocol 1, name of the sending node
//   report   = NodeReport
//   farewell = nothing: an orderly end follows
//   order    = kind 1, name of a VIP
//
// Text is | length 2 | octets |, a list is | count 2 | items |. A newer node may append to a body
// what older ones ignore, and send types that they skip.
namespace hearth::lb {

struct PeerHello {
    std::string node;
    friend bool operator==(const PeerHello&, const PeerHello&) = default;
};
struct PeerFarewell {
    friend bool operator==(const PeerFarewell&, const PeerFarewell&) = default;
};
struct PeerUnknown {  // of a later version
    friend bool operator==(const PeerUnknown&, const PeerUnknown&) = default;
};
using PeerMessage = std::variant<PeerHello, NodeReport, PeerFarewell, PeerOrder, PeerUnknown>;

// Longer texts and lists are cut to what a message can hold.
[[nodiscard]] std::vector<std::uint8_t> write_peer_message(const PeerMessage& message);

// Cuts the stream into messages, however it arrives.
class PeerStream {
public:
    static constexpr std::size_t kMaxBody = 64U << 10;

    // kTooLarge, kTruncated and kInvalid end the connection: the stream has no way to go on.
    [[nodiscard]] Result<std::vector<PeerMessage>> feed(ByteView bytes);

private:
    std::vector<std::uint8_t> pending_;
};

}  // namespace hearth::lb
