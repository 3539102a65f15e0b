#include "base/proxy_protocol.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace hearth {
namespace {

using Packet = std::vector<std::uint8_t>;

Packet header(std::uint8_t command, std::uint8_t family, const Packet& rest) {
    static constexpr std::uint8_t kSignature[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
    Packet bytes(16 + rest.size());
    std::copy(std::begin(kSignature), std::end(kSignature), bytes.begin());
    bytes[12] = command;
    bytes[13] = family;
    bytes[15] = static_cast<std::uint8_t>(rest.size());
    std::copy(rest.begin(), rest.end(), bytes.begin() + 16);
    return bytes;
}

const Packet kV4{10, 0, 0, 50, 10, 0, 0, 53, 0x30, 0x39, 1, 187};

TEST(ProxyHeader, SaysWhoTheClientIsWhereverItIsCut) {
    Packet whole = header(0x21, 0x11, kV4);
    for (const char c : {'G', 'E', 'T'}) whole.push_back(static_cast<std::uint8_t>(c));
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        ProxyHeaderReader reader;
        ByteView first = ByteView(whole).first(cut);
        ByteView second = ByteView(whole).subspan(cut);
        auto state = reader.feed(first);
        if (state == ProxyHeaderReader::State::kNeedMore) state = reader.feed(second);
        ASSERT_EQ(state, ProxyHeaderReader::State::kComplete) << cut;
        EXPECT_EQ(reader.client().to_string(), "10.0.0.50:12345");
        EXPECT_EQ(reader.local(), IpAddress::v4(10, 0, 0, 53));
        EXPECT_EQ(first.size() + second.size(), 3U);
    }
}

ProxyHeaderReader::State read_header(const Packet& bytes, ProxyHeaderReader& reader) {
    ByteView view = bytes;
    return reader.feed(view);
}

TEST(ProxyHeader, KnowsIpv6AndTheProxyItself) {
    Packet v6(36);
    v6[0] = 0xfd;
    v6[15] = 9;
    v6[33] = 53;
    v6.resize(50);  // and a TLV or two
    ProxyHeaderReader reader;
    EXPECT_EQ(read_header(header(0x21, 0x21, v6), reader), ProxyHeaderReader::State::kComplete);
    EXPECT_EQ(reader.client().address, *IpAddress::parse("fd00::9"));
    ProxyHeaderReader local;
    EXPECT_EQ(read_header(header(0x20, 0x00, {}), local), ProxyHeaderReader::State::kComplete);
    EXPECT_TRUE(local.client().address.is_loopback());
}

TEST(ProxyHeader, RefusesWhatSaysNoAddress) {
    for (const Packet& bad :
         {header(0x21, 0x00, {}), header(0x21, 0x31, Packet(216)), header(0x11, 0x11, kV4),
          header(0x22, 0x11, kV4), header(0x21, 0x11, Packet(11)), header(0x21, 0x21, Packet(12)),
          header(0x21, 0x12, kV4), Packet{'G'}}) {
        ProxyHeaderReader reader;
        EXPECT_EQ(read_header(bad, reader), ProxyHeaderReader::State::kBad);
    }
    Packet longest = header(0x21, 0x11, kV4);
    longest[14] = 2;
    longest[15] = 9;
    ProxyHeaderReader reader;
    EXPECT_EQ(read_header(longest, reader), ProxyHeaderReader::State::kBad);
}

ProxyHeaderReader::State read_text(std::string_view text, ProxyHeaderReader& reader) {
    ByteView view = as_bytes(text);
    return reader.feed(view);
}

TEST(ProxyHeader, ReadsTheTextFormWhereverItIsCut) {
    const std::string_view whole = "PROXY TCP6 fd00::9 fd00::1 12345 443\r\nGET";
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        ProxyHeaderReader reader;
        ByteView first = as_bytes(whole.substr(0, cut));
        ByteView second = as_bytes(whole.substr(cut));
        auto state = reader.feed(first);
        if (state == ProxyHeaderReader::State::kNeedMore) state = reader.feed(second);
        ASSERT_EQ(state, ProxyHeaderReader::State::kComplete) << cut;
        EXPECT_EQ(reader.client().to_string(), "[fd00::9]:12345");
        EXPECT_TRUE(reader.names_client());
        EXPECT_EQ(first.size() + second.size(), 3U) << "what follows is not the header's";
    }
}

TEST(ProxyHeader, RefusesTextThatIsNotExactlyTheGrammar) {
    for (const char* bad :
         {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\n", "PROXY TCP4  10.0.0.1 10.0.0.2 1 2\r\n",
          "PROXY TCP4 10.0.0.1 10.0.0.2 1\r\n", "PROXY TCP4 10.0.0.1 10.0.0.2 1 65536\r\n",
          "PROXY TCP6 10.0.0.1 10.0.0.2 1 2\r\n", "PROXY TCP4 fd00::1 10.0.0.2 1 2\r\n",
          "PROXY TCP4 10.0.0.1 10.0.0.2 1 2 3\r\n", "PROXY UDP4 10.0.0.1 10.0.0.2 1 2\r\n",
          "PROXY\r\n", "POST / HTTP/1.1\r\n"}) {
        ProxyHeaderReader reader;
        EXPECT_EQ(read_text(bad, reader), ProxyHeaderReader::State::kBad) << bad;
    }
    ProxyHeaderReader reader;
    EXPECT_EQ(read_text("PROXY UNKNOWN " + std::string(200, 'x'), reader),
              ProxyHeaderReader::State::kBad)
        << "107 octets are the most";
    ProxyHeaderReader unknown;
    EXPECT_EQ(read_text("PROXY UNKNOWN ffff::1 x 1 2\r\n", unknown),
              ProxyHeaderReader::State::kComplete);
    EXPECT_FALSE(unknown.names_client());
}

TEST(ProxyHeader, IsWrittenAsItIsRead) {
    const Endpoint client{IpAddress::v4(10, 0, 0, 50), 12345};
    const Endpoint server{IpAddress::v4(10, 0, 0, 100), 443};
    const Endpoint server6{*IpAddress::parse("fd00::1"), 443};
    EXPECT_EQ(proxy_header(ProxyProtocol::kNone, client, server), "");
    EXPECT_EQ(proxy_header(ProxyProtocol::kV1, client, server),
              "PROXY TCP4 10.0.0.50 10.0.0.100 12345 443\r\n");
    EXPECT_EQ(proxy_header(ProxyProtocol::kV1, client, server6), "PROXY UNKNOWN\r\n");
    for (const Endpoint& to : {server, server6}) {
        ProxyHeaderReader reader;
        EXPECT_EQ(read_text(proxy_header(ProxyProtocol::kV2, client, to), reader),
                  ProxyHeaderReader::State::kComplete);
        EXPECT_EQ(reader.client(), client);
        EXPECT_EQ(reader.local(), to.address);
    }
}

TEST(ProxyHeader, OfNobodyIsReadAsNobodys) {
    EXPECT_EQ(proxy_header_of_nobody(ProxyProtocol::kNone), "");
    for (const auto version : {ProxyProtocol::kV1, ProxyProtocol::kV2}) {
        ProxyHeaderReader reader;
        EXPECT_EQ(read_text(proxy_header_of_nobody(version), reader),
                  ProxyHeaderReader::State::kComplete);
        EXPECT_FALSE(reader.names_client());
    }
}

}  // namespace
}  // namespace hearth
