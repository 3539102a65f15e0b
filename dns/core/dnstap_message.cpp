#include "dns/core/dnstap_message.h"

namespace hearth::dns {
namespace {

using Octets = std::vector<std::uint8_t>;

// Wire types of protobuf: https://protobuf.dev/programming-guides/encoding
enum class Wire : std::uint8_t { kVarint = 0, kBytes = 2, kFixed32 = 5 };

// Fields of dnstap.proto.
enum class Envelope : std::uint8_t { kIdentity = 1, kVersion = 2, kMessage = 14, kType = 15 };
enum class Field : std::uint8_t {
    kType = 1,
    kFamily = 2,
    kProtocol = 3,
    kClientAddress = 4,
    kServerAddress = 5,
    kClientPort = 6,
    kQuerySeconds = 8,
    kQueryNanoseconds = 9,
    kQuery = 10,
    kResponseSeconds = 12,
    kResponseNanoseconds = 13,
    kResponse = 14,
};
constexpr std::uint64_t kTypeMessage = 1;

void varint(Octets& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<std::uint8_t>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<std::uint8_t>(value));
}

template <class F>
void key(Octets& out, F field, Wire wire) {
    varint(out, static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire));
}

template <class F>
void number(Octets& out, F field, std::uint64_t value) {
    key(out, field, Wire::kVarint);
    varint(out, value);
}

template <class F>
void fixed32(Octets& out, F field, std::uint32_t value) {
    key(out, field, Wire::kFixed32);
    for (unsigned shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<std::uint8_t>(value >> shift));
}

template <class F>
void bytes(Octets& out, F field, ByteView value) {
    key(out, field, Wire::kBytes);
    varint(out, value.size());
    out.insert(out.end(), value.begin(), value.end());
}

ByteView view(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// SocketProtocol
std::uint64_t protocol_of(Transport transport) {
    switch (transport) {
        case Transport::kUdp: return 1;
        case Transport::kTcp: return 2;
        case Transport::kTls: return 3;
        case Transport::kHttps: return 4;
    }
    return 2;
}

}  // namespace

std::vector<std::uint8_t> encode_dnstap(const DnstapMessage& message, std::string_view identity,
                                        std::string_view version) {
    const bool is_query = message.type == DnstapMessage::Type::kClientQuery;
    const IpAddress& client = message.client.address;
    Octets body;
    body.reserve(message.packet.size() + 80);
    number(body, Field::kType, static_cast<std::uint64_t>(message.type));
    number(body, Field::kFamily, client.is_v4() ? 1 : 2);
    number(body, Field::kProtocol, protocol_of(message.transport));
    bytes(body, Field::kClientAddress, client.bytes());
    if (!message.local.is_unspecified()) bytes(body, Field::kServerAddress, message.local.bytes());
    number(body, Field::kClientPort, message.client.port);
    number(body, is_query ? Field::kQuerySeconds : Field::kResponseSeconds,
           static_cast<std::uint64_t>(message.wall_ms / 1000));
    fixed32(body, is_query ? Field::kQueryNanoseconds : Field::kResponseNanoseconds,
            static_cast<std::uint32_t>(message.wall_ms % 1000 * 1'000'000));
    bytes(body, is_query ? Field::kQuery : Field::kResponse, message.packet);

    Octets out;
    out.reserve(body.size() + identity.size() + version.size() + 16);
    bytes(out, Envelope::kIdentity, view(identity));
    bytes(out, Envelope::kVersion, view(version));
    bytes(out, Envelope::kMessage, body);
    number(out, Envelope::kType, kTypeMessage);
    return out;
}

}  // namespace hearth::dns
