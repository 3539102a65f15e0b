#include "dns/core/server_cookie.h"

#include <gtest/gtest.h>

#include <charconv>
#include <string_view>
#include <vector>

namespace hearth::dns {
namespace {

std::vector<std::uint8_t> hex(std::string_view text) {
    std::vector<std::uint8_t> bytes(text.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, bytes[i], 16);
    return bytes;
}

SipKey secret(std::string_view text) {
    const auto bytes = hex(text);
    return {load_le64(bytes.data()), load_le64(bytes.data() + 8)};
}

const SipKey kSecret = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
const IpAddress kClient = *IpAddress::parse("198.51.100.100");
constexpr std::uint32_t kThen = 1559731985;

WholeCookie cookie_of(std::uint32_t when, SipKey key = kSecret) {
    return make_cookie(hex("2464c4abcf10c957"), kClient, when, key);
}

CookieState judge(ByteView option, std::uint32_t now, WholeCookie& answer,
                  const CookieSecrets& secrets = {kSecret, {1, 2}, {3, 4}},
                  const IpAddress& client = kClient) {
    return answer_cookie(option, client, now, secrets, answer);
}

// The vectors of the paper's appendix: key 00..0f, input 00, 01, 02 …
TEST(ServerCookie, SipHash24IsTheStandardOne) {
    const SipKey key = secret("000102030405060708090a0b0c0d0e0f");
    std::vector<std::uint8_t> input;
    EXPECT_EQ(siphash24(key, input), 0x726fdb47dd0e0e31U);
    input.push_back(0);
    EXPECT_EQ(siphash24(key, input), 0x74f839c593dc67fdU);
    for (std::uint8_t i = 1; i < 15; ++i) input.push_back(i);
    EXPECT_EQ(siphash24(key, input), 0xa129ca6149be45e5U);
}

// RFC 9018 appendix A.1 and A.2.
TEST(ServerCookie, IsTheOneOfOtherImplementations) {
    const auto first = cookie_of(kThen);
    EXPECT_EQ(std::vector(first.begin(), first.end()),
              hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
    const auto renewed = cookie_of(1559734385);
    EXPECT_EQ(std::vector(renewed.begin(), renewed.end()),
              hex("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"));
}

TEST(ServerCookie, IsEchoedWhileFreshAndRenewedLater) {
    const auto cookie = cookie_of(kThen);
    WholeCookie answer;
    EXPECT_EQ(judge(cookie, kThen + 1700, answer), CookieState::kProven);
    EXPECT_EQ(answer, cookie);
    EXPECT_EQ(judge(cookie, kThen + 1900, answer), CookieState::kProven);
    EXPECT_EQ(answer, cookie_of(kThen + 1900));
    EXPECT_EQ(judge(cookie, kThen - 200, answer), CookieState::kProven);
}

TEST(ServerCookie, IsNotBelievedWhenOldAheadOrSomebodyElses) {
    const auto cookie = cookie_of(kThen);
    WholeCookie answer;
    EXPECT_EQ(judge(cookie, kThen + 3601, answer), CookieState::kUnknown);
    EXPECT_EQ(judge(cookie, kThen - 301, answer), CookieState::kUnknown);
    EXPECT_EQ(judge(cookie, kThen, answer, {kSecret, {}, {}}, IpAddress::v4(10, 0, 0, 1)),
              CookieState::kUnknown);
    for (std::size_t i = 0; i < cookie.size(); ++i) {
        auto forged = cookie;
        forged[i] ^= 1;
        EXPECT_EQ(judge(forged, kThen, answer), CookieState::kUnknown) << i;
    }
    EXPECT_EQ(judge(ByteView(cookie).first(8), kThen, answer), CookieState::kUnknown);
    EXPECT_EQ(answer, cookie);
}

TEST(ServerCookie, OfTheNeighbouringPeriodsIsBelievedAndRenewed) {
    const CookieSecrets secrets{{9, 9}, kSecret, {8, 8}};
    WholeCookie answer;
    EXPECT_EQ(judge(cookie_of(kThen), kThen, answer, secrets), CookieState::kProven);
    EXPECT_EQ(answer, cookie_of(kThen, {9, 9}));
    EXPECT_EQ(judge(cookie_of(kThen, {8, 8}), kThen, answer, secrets), CookieState::kProven);
    EXPECT_EQ(judge(cookie_of(kThen, {7, 7}), kThen, answer, secrets), CookieState::kUnknown);
}

}  // namespace
}  // namespace hearth::dns
