#include "dns/core/dnstap_message.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

// As protoc encodes it from dnstap.proto, field by field.
TEST(DnstapMessage, IsWhatTheSchemaSays) {
    const std::uint8_t packet[] = {0xab, 0xcd};
    DnstapMessage message;
    message.type = DnstapMessage::Type::kClientQuery;
    message.client = *Endpoint::parse("10.0.0.7:300", 53);
    message.local = IpAddress::v4(10, 0, 0, 53);
    message.wall_ms = 5'001;
    message.packet = packet;
    const std::vector<std::uint8_t> want = {
        0x0a, 2,    'p',  'i',                     // identity
        0x12, 1,    'v',                           // version
        0x72, 32,                                  // message
        0x08, 5,    0x10, 1,    0x18, 1,           // CLIENT_QUERY, INET, UDP
        0x22, 4,    10,   0,    0,    7,           // query_address
        0x2a, 4,    10,   0,    0,    53,          // response_address
        0x30, 0xac, 0x02,                          // query_port
        0x40, 5,    0x4d, 0x40, 0x42, 0x0f, 0x00,  // query_time
        0x52, 2,    0xab, 0xcd,                    // query_message
        0x78, 1};                                  // type MESSAGE
    EXPECT_EQ(encode_dnstap(message, "pi", "v"), want);
}

}  // namespace
}  // namespace hearth::dns
