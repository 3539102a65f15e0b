#include "config/record_data.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/idna.h"

namespace hearth::config {
namespace {

const Name kDomain = *Name::parse("home");

std::vector<std::uint8_t> data(const char* type, const char* text) {
    const auto parsed = record_data(type, text, kDomain);
    EXPECT_TRUE(parsed) << type << " " << text << ": " << (parsed ? "" : parsed.error().message);
    return parsed.value_or(std::vector<std::uint8_t>{});
}

std::vector<std::uint8_t> octets(std::string_view text) { return {text.begin(), text.end()}; }

TEST(RecordData, AShortNameStandsUnderTheDomainAndALongOneForItself) {
    EXPECT_EQ(data("MX", "10 mail"), octets({"\0\x0a\4mail\4home\0", 13}));
    EXPECT_EQ(data("MX", "10 mx1.example"), octets({"\0\x0a\3mx1\7example\0", 15}));
    EXPECT_EQ(data("MX", "10 mail."), octets({"\0\x0a\4mail\0", 8}));
    EXPECT_EQ(data("SRV", "0 5 5060 sip"), octets({"\0\0\0\5\x13\xc4\3sip\4home\0", 16}));
    EXPECT_EQ(data("HTTPS", "1 . alpn=h2"), octets({"\0\1\0\0\1\0\3\2h2", 10}));
    EXPECT_EQ(data("CAA", "0 issue \"ca.example\""), octets({"\0\5issueca.example", 17}));
}

TEST(RecordData, WhatIsNoDataIsSaid) {
    for (const auto& [type, text] : {std::pair{"MX", "mail"},
                                     {"MX", ""},
                                     {"MX", "10 a\nb. IN A 1.2.3.4"},
                                     {"SRV", "0 5 sip"},
                                     {"SRV", "0 5 99999 sip"},
                                     {"CAA", "issue"},
                                     {"HTTPS", "one ."},
                                     {"TLSA", "3 1 1 zz"}})
        EXPECT_FALSE(record_data(type, text, kDomain)) << type << " " << text;
}

TEST(Idna, NamesAreAskedForInAscii) {
    EXPECT_EQ(ascii_name("küche.home"), "xn--kche-0ra.home");
    EXPECT_EQ(ascii_name("*.Bücher.home."), "*.xn--bcher-kva.home.");
    EXPECT_EQ(ascii_name("straße"), "xn--strae-oqa");
    EXPECT_EQ(ascii_name("_sip._tcp"), "_sip._tcp");
    EXPECT_EQ(ascii_name("a\xff"), std::nullopt);
    EXPECT_EQ(ascii_name("a\u2024b"), std::nullopt);
}

TEST(RecordData, TextIsCutIntoPieces) {
    EXPECT_EQ(text_data("v=spf1 -all"), octets("\x0bv=spf1 -all"));
    EXPECT_EQ(text_data(""), octets({"\0", 1}));
    const auto longer = text_data(std::string(300, 'x'));
    ASSERT_EQ(longer.size(), 302U);
    EXPECT_EQ(longer[0], 255);
    EXPECT_EQ(longer[256], 45);
}

}  // namespace
}  // namespace hearth::config
