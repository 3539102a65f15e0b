#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/ip.h"
#include "lb/model/port_rules.h"

// Other people's nftables rules, as far as it takes to tell what becomes of a packet.
namespace hearth::lb::firewall {

// Octets of which some bits are not known: an unknown bit is 0 in both.
struct Octets {
    std::vector<std::uint8_t> value;
    std::vector<std::uint8_t> known;  // masks; as long as `value`
};

// A register of nftables by its octet: four of 16 octets, or sixteen of 4.
using Register = std::uint32_t;

enum class Field : std::uint8_t {
    kTransport,         // meta l4proto
    kFamily,            // meta nfproto
    kInput,             // meta iifname
    kInputIndex,        // meta iif
    kOutput,            // meta oifname
    kOutputIndex,       // meta oif
    kNetworkHeader,     // payload
    kTransportHeader,   // payload
    kConnectionState,   // ct state
    kConnectionStatus,  // ct status
    kUnknown,
};

struct Load {
    Field field = Field::kUnknown;
    std::uint32_t offset = 0;  // of a header
    std::uint32_t length = 0;
    Register to = 0;
};
struct Mask {
    Register from = 0;
    Register to = 0;
    std::vector<std::uint8_t> mask;
    std::vector<std::uint8_t> flip;
};
enum class Comparison : std::uint8_t { kEqual, kNotEqual, kBelow, kAtMost, kAbove, kAtLeast };
struct Compare {
    Register from = 0;
    Comparison comparison = Comparison::kEqual;
    std::vector<std::uint8_t> value;
};
enum class Sense : std::uint8_t { kInside, kOutside };
struct Between {
    Register from = 0;
    Sense sense = Sense::kInside;
    std::vector<std::uint8_t> first;
    std::vector<std::uint8_t> last;
};

struct Verdict {
    enum class Kind : std::uint8_t { kAccept, kDrop, kContinue, kReturn, kJump, kGoto, kUnknown };
    Kind kind = Kind::kContinue;
    std::string chain;  // kJump, kGoto
};
// A set, or a map of verdicts, which then ends the rule.
struct Lookup {
    Register from = 0;
    std::string set;
    Sense sense = Sense::kInside;
    enum class Result : std::uint8_t { kMembership, kVerdict } result = Result::kMembership;
};
// An extension of iptables. kUnknown: it may match or not.
struct Extension {
    enum class Kind : std::uint8_t { kAlways, kStates, kDestinationPorts, kToThisHost, kUnknown };
    Kind kind = Kind::kUnknown;
    std::uint32_t states = 0;  // kStates: bits of ConnectionState
    std::vector<std::pair<std::uint16_t, std::uint16_t>> ports;
    Sense sense = Sense::kInside;
};
using Step = std::variant<Load, Mask, Compare, Between, Lookup, Extension, Verdict>;
using Rule = std::vector<Step>;

// As `ct state` has them.
struct ConnectionState {
    static constexpr std::uint32_t kNew = 8;
    static constexpr std::uint32_t kUntracked = 64;
};
inline constexpr std::uint32_t kTranslatedDestination = 32;  // of `ct status`

struct Element {
    std::vector<std::uint8_t> first;
    std::vector<std::uint8_t> last;  // the same as `first` but in sets of intervals
    Verdict verdict;
};
struct Set {
    std::vector<Element> elements;
    enum class Reading : std::uint8_t { kComplete, kPartial } reading = Reading::kComplete;
};

enum class Hook : std::uint8_t { kNone, kPrerouting, kInput, kForward, kOther };
struct Chain {
    Hook hook = Hook::kNone;
    Verdict::Kind policy = Verdict::Kind::kAccept;
    std::vector<Rule> rules;
};
struct Table {
    enum class Family : std::uint8_t { kIpv4, kIpv6, kBoth } family = Family::kBoth;
    std::string name;
    std::map<std::string, Chain> chains;
    std::map<std::string, Set> sets;
};

struct Interface {
    std::string name;
    std::uint32_t index = 0;
};

// The first packet of a connection from somewhere in the LAN.
struct Packet {
    IpPrefix source;
    IpAddress destination;
    Transport transport = Transport::kTcp;
    std::uint16_t port = 0;
    Interface interface;  // where it comes in, and where it is sent on
    enum class Way : std::uint8_t { kToThisHost, kThrough } way = Way::kToThisHost;
    std::uint32_t state = ConnectionState::kNew;
    // kDestination: it was sent to a VIP, and `destination` is the backend.
    enum class Translation : std::uint8_t { kNone, kDestination } translation = Translation::kNone;
};

// Who certainly drops a packet.
struct Obstacle {
    std::string table;  // "inet filter"
    std::string chain;
    enum class Maker : std::uint8_t {
        kNftables,
        kIptables,
        kUfw,
        kFirewalld
    } maker = Maker::kNftables;

    friend auto operator<=>(const Obstacle&, const Obstacle&) = default;
};

}  // namespace hearth::lb::firewall
