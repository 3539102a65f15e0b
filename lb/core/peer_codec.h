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
//   call     = id 4, topic, length 4, octets      for a daemon of the other node: PeerCall
//   answer   = id 4 of the call, outcome 2, text
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
// What a daemon here has to say to the same daemon there. hearth-lb hands it on and understands
// nothing of it.
struct PeerCall {
    static constexpr std::size_t kMost = 48U << 10;

    std::uint32_t id = 0;
    std::string topic;  // "dns/policy": the daemon, and what it calls the subject
    std::string body;   // at most kMost octets
    friend bool operator==(const PeerCall&, const PeerCall&) = default;
};
struct PeerAnswer {
    std::uint32_t id = 0;
    std::uint16_t status = 0;  // as in HTTP; 503: the daemon does not run there
    std::string text;          // cut to 1 KiB
    friend bool operator==(const PeerAnswer&, const PeerAnswer&) = default;
};
struct PeerUnknown {  // of a later version
    friend bool operator==(const PeerUnknown&, const PeerUnknown&) = default;
};
using PeerMessage =
    std::variant<PeerHello, NodeReport, PeerFarewell, PeerOrder, PeerCall, PeerAnswer, PeerUnknown>;

// A daemon of every node and a subject: "dns/policy". Both are of lower-case letters and '-'.
struct PeerTopic {
    std::string daemon;
    std::string subject;
};
// kInvalid for anything else, and for a daemon that there is not.
[[nodiscard]] Result<PeerTopic> parse_peer_topic(std::string_view text);

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
