#include "dns/core/query_filter.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

QueryEntry blocked_entry() {
    QueryEntry entry;
    entry.wall_ms = kNow - 1000;
    entry.client = IpAddress::parse("10.0.0.7");
    entry.name = "x.Ads.example";
    entry.type = RrType::kAaaa;
    entry.rcode = Rcode::kNxDomain;
    entry.reason = Reason::kBlocked;
    entry.transport = Transport::kTcp;
    entry.by = "stevenblack";
    entry.group = "tv";
    entry.upstream = "9.9.9.9:53";
    return entry;
}

bool takes(const QueryParameters& parameters, const QueryEntry& entry = blocked_entry()) {
    const auto filter = parse_query_filter(parameters, kNow);
    EXPECT_TRUE(filter.has_value());
    return filter && filter->takes(entry, [](const IpAddress& client) -> std::string_view {
        return client.to_string() == "10.0.0.7" ? "tablet" : "";
    });
}

TEST(QueryFilter, NothingAskedTakesAll) { EXPECT_TRUE(takes({})); }

TEST(QueryFilter, EachKeyTakesAndRefuses) {
    struct Case {
        const char* key;
        const char* taken;
        const char* refused;
    };
    for (const Case& one : {Case{"client", "10.0.0.7", "10.0.0.8"},
                            {"client", "10.0.0.0/24", "10.0.1.0/24"},
                            {"client", "Tablet", "tab"},
                            {"name", "x.ads.example", "ads.example"},
                            {"suffix", "ads.example", "s.example"},
                            {"suffix", "x.ads.example", "y.x.ads.example"},
                            {"suffix", ".", "com"},
                            {"type", "aaaa", "A"},
                            {"type", "TYPE28", "29"},
                            {"rcode", "nxdomain", "0"},
                            {"reason", "Blocked", "cached"},
                            {"proto", "tcp", "udp"},
                            {"list", "stevenblack", "steven"},
                            {"group", "tv", "kids"},
                            {"upstream", "9.9.9.9:53", "1.1.1.1:53"},
                            {"from", "1m", "0s"},
                            {"to", "0s", "1m"}}) {
        EXPECT_TRUE(takes({{one.key, one.taken}})) << one.key << "=" << one.taken;
        EXPECT_FALSE(takes({{one.key, one.refused}})) << one.key << "=" << one.refused;
    }
}

TEST(QueryFilter, WhatIsWithheldIsNotFoundByIt) {
    QueryEntry entry = blocked_entry();
    entry.client.reset();
    entry.name.clear();
    EXPECT_FALSE(takes({{"client", "10.0.0.0/8"}}, entry));
    EXPECT_FALSE(takes({{"suffix", "."}}, entry));
    EXPECT_TRUE(takes({{"reason", "blocked"}}, entry));
}

TEST(QueryFilter, SaysWhichKeyIsWrong) {
    for (const auto& [key, value] : {std::pair<const char*, const char*>{"client", ""},
                                     {"name", "a..b"},
                                     {"type", "TYPE65536"},
                                     {"type", ""},
                                     {"rcode", "256"},
                                     {"reason", "whim"},
                                     {"proto", "sctp"},
                                     {"list", ""},
                                     {"from", "9000000d"},
                                     {"to", "-1"},
                                     {"colour", "red"}}) {
        const auto filter = parse_query_filter({{key, value}}, kNow);
        ASSERT_FALSE(filter.has_value()) << key << "=" << value;
        EXPECT_EQ(filter.error().where, key);
    }
}

TEST(QueryFilter, PagesHaveOneBoundAndALimit) {
    const auto page = parse_query_page({{"limit", "99999999"}, {"before", "12"}}, kNow);
    ASSERT_TRUE(page.has_value());
    EXPECT_EQ(page->limit, QueryPageRequest::kMost);
    EXPECT_EQ(page->before, 12);
    EXPECT_FALSE(page->after);
    EXPECT_FALSE(parse_query_page({{"limit", "0"}}, kNow));
    EXPECT_FALSE(parse_query_page({{"before", "1x"}}, kNow));
    EXPECT_FALSE(parse_query_page({{"after", "99999999999999999999"}}, kNow));
    EXPECT_FALSE(parse_query_page({{"after", "1"}, {"before", "2"}}, kNow));
}

TEST(QueryFilter, TimesAreMomentsOrAges) {
    EXPECT_EQ(parse_query_time("1700000000000", kNow), 1'700'000'000'000);
    EXPECT_EQ(parse_query_time("90m", kNow), kNow - 90 * 60'000);
    EXPECT_EQ(parse_query_time("7d", kNow), kNow - 7 * 86'400'000LL);
    EXPECT_FALSE(parse_query_time("", kNow));
    EXPECT_FALSE(parse_query_time("d", kNow));
    EXPECT_FALSE(parse_query_time("1w", kNow));
}

}  // namespace
}  // namespace hearth::dns
