#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "dns/model/query_context.h"

namespace hearth::dns {

// One message of dnstap (https://dnstap.info, dnstap.proto): what a client asked, or what it got.
struct DnstapMessage {
    enum class Type : std::uint8_t { kClientQuery = 5, kClientResponse = 6 };

    Type type{};
    Transport transport{};
    Endpoint client;
    IpAddress local;  // where it was asked
    std::int64_t wall_ms = 0;
    ByteView packet;
};

// Its protobuf form; `identity` and `version` are of this server.
[[nodiscard]] std::vector<std::uint8_t> encode_dnstap(const DnstapMessage& message,
                                                      std::string_view identity,
                                                      std::string_view version);

}  // namespace hearth::dns
