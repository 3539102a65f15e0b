#include "dns/io/zone_file.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

const Name kOrigin = *Name::parse("example.home");

constexpr std::string_view kZone = R"($TTL 10m
@       IN SOA ns admin ( 7 3600   ; serial, refresh
                          600 86400
                          30 )
        IN NS  ns
ns      IN A   10.0.0.5
$ORIGIN sub.example.home.
www  60 IN AAAA fd00::5
        IN TXT "two" "strings; and a semicolon"
alias   IN CNAME www
x       IN TYPE65280 \# 3 010203
*.apps  IN A 10.0.0.9
)";

std::string error_of(std::string_view text) {
    const auto zone = parse_zone(text, "x.zone", kOrigin);
    return zone ? "" : zone.error().to_string();
}

TEST(ZoneFile, IsReadWithItsDirectives) {
    const auto zone = parse_zone(kZone, "x.zone", kOrigin);
    ASSERT_TRUE(zone) << zone.error().to_string();
    ASSERT_EQ(zone->records.size(), 8U);
    EXPECT_EQ(zone->records[0].type, RrType::kSoa);
    EXPECT_EQ(zone->records[0].ttl, 600U);
    EXPECT_EQ(zone->records[2].owner.to_string(), "ns.example.home");
    EXPECT_EQ(zone->records[2].rdata, (std::vector<std::uint8_t>{10, 0, 0, 5}));
    EXPECT_EQ(zone->records[3].owner.to_string(), "www.sub.example.home");
    EXPECT_EQ(zone->records[3].ttl, 60U);
    EXPECT_EQ(zone->records[4].owner.to_string(), "www.sub.example.home");
    EXPECT_EQ(zone->records[5].rdata,
              std::vector<std::uint8_t>(zone->records[3].owner.wire().begin(),
                                        zone->records[3].owner.wire().end()));
    EXPECT_EQ(static_cast<int>(zone->records[6].type), 65280);
    EXPECT_EQ(zone->records[6].rdata, (std::vector<std::uint8_t>{1, 2, 3}));
    EXPECT_EQ(zone->records[7].owner.to_string(), "*.apps.sub.example.home");
}

TEST(ZoneFile, ErrorsNameTheLine) {
    EXPECT_EQ(error_of("a IN A 10.0.0.1\nb IN A 10.0.0.300\n").substr(0, 9), "x.zone:2:");
    EXPECT_EQ(error_of("a IN A 10.0.0.1\n\n$INCLUDE other\n").substr(0, 20),
              "x.zone:3: $INCLUDE i");
    EXPECT_NE(error_of("a CH TXT x\n").find("class IN"), std::string::npos);
    EXPECT_NE(error_of("a.example.com. IN A 10.0.0.1\n").find("outside of the zone"),
              std::string::npos);
    EXPECT_NE(error_of("a IN CNAME b\na IN A 10.0.0.1\n").find("x.zone:2: a.example.home: a CNAME"),
              std::string::npos);
    EXPECT_NE(error_of("a IN DNAME b\n").find("dns.rewrite"), std::string::npos);
    EXPECT_NE(error_of("@ IN CNAME b\n").find("cannot be a CNAME"), std::string::npos);
    EXPECT_NE(error_of("a IN SOA b c 1 2 3 4 5\n").find("at the zone's name only"),
              std::string::npos);
    EXPECT_NE(error_of(std::string_view("a\0b", 3)).find("NUL"), std::string::npos);
    EXPECT_NE(error_of("@0 si\n").find("the type is missing"), std::string::npos);
    EXPECT_NE(error_of("a IN ANY \\# 0\n").find("x.zone:1: "), std::string::npos);
    EXPECT_NE(error_of("a IN A \\# 3 010203\n").find("x.zone:1: "), std::string::npos);
    EXPECT_EQ(error_of(""), "");
    EXPECT_EQ(error_of("; nothing but a comment\n"), "");
}

TEST(ZoneFile, CutAnywhereItIsReadOrRefused) {
    for (std::size_t size = 0; size <= kZone.size(); ++size) {
        const auto zone = parse_zone(kZone.substr(0, size), "x.zone", kOrigin);
        if (!zone) {
            EXPECT_EQ(zone.error().where.substr(0, 7), "x.zone:");
        }
    }
}

}  // namespace
}  // namespace hearth::dns
