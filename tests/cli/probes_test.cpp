#include <gtest/gtest.h>

#include "cli/dns_question.h"
#include "cli/http_probe.h"

namespace hearth::cli {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes answer_message() {
    Bytes message = encode_question(7, *Name::parse("immich.home"));
    message[2] = 0x85;
    message[3] = 0x80;
    message[7] = 2;
    const Bytes alias{0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12};
    const Bytes address{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 100};
    message.insert(message.end(), alias.begin(), alias.end());
    message.insert(message.end(), address.begin(), address.end());
    return message;
}

TEST(DnsQuestion, IsWhatAServerReads) {
    const Bytes expected{0, 7,   1, 0,   0,   1,   0,   0, 0, 0, 0, 0,
                         1, 'a', 4, 'h', 'o', 'm', 'e', 0, 0, 1, 0, 1};
    EXPECT_EQ(encode_question(7, *Name::parse("a.home")), expected);
}

TEST(DnsAnswer, GivesAddressesAndTtl) {
    const auto answer = decode_answer(answer_message(), 7);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->rcode, 0);
    ASSERT_EQ(answer->addresses.size(), 1U);
    EXPECT_EQ(answer->addresses[0].to_string(), "10.0.0.100");
    EXPECT_EQ(answer->ttl, 60U);
}

TEST(DnsAnswer, OthersAreNotOurs) {
    EXPECT_FALSE(decode_answer(answer_message(), 8));
    EXPECT_FALSE(decode_answer(encode_question(7, *Name::parse("a")), 7));
    EXPECT_FALSE(decode_answer({}, 7));
}

TEST(DnsAnswer, EveryCutIsRefused) {
    const Bytes whole = answer_message();
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(decode_answer(ByteView(whole).first(size), 7)) << size;
}

TEST(StatusLine, ReadsTheNumber) {
    EXPECT_EQ(parse_status_line("HTTP/1.1 200 OK\r\n"), 200);
    EXPECT_EQ(parse_status_line("HTTP/1.0 404\r\n"), 404);
    for (const char* text : {"", "HTTP/1.1 20", "HTTP/2 200 ", "HTTP/1.1 2x0 OK", "HTTP/1.1 2000",
                             "SSH-2.0-OpenSSH", "HTTP/1.1 099 x"})
        EXPECT_FALSE(parse_status_line(text)) << text;
}

}  // namespace
}  // namespace hearth::cli
