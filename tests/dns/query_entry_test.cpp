#include "dns/core/query_entry.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

QueryEntry entry_from(std::string_view client) {
    QueryEntry entry;
    entry.client = IpAddress::parse(client);
    entry.name = "www.example";
    entry.by = "ads.example";
    entry.matched = VerdictSource::kDenyRule;
    entry.group = "tv";
    return entry;
}

TEST(QueryEntry, EverythingIsLeftAsItIs) {
    QueryEntry entry = entry_from("10.1.2.3");
    withhold(QueryPrivacy::kEverything, entry);
    EXPECT_EQ(entry.client->to_string(), "10.1.2.3");
    EXPECT_EQ(entry.name, "www.example");
    EXPECT_EQ(entry.group, "tv");
}

TEST(QueryEntry, NetworksCutsClientsOfBothFamilies) {
    QueryEntry entry = entry_from("10.1.2.3");
    withhold(QueryPrivacy::kNetworks, entry);
    EXPECT_EQ(entry.client->to_string(), "10.1.2.0");
    entry = entry_from("2001:db8:1:2ff:3::4");
    withhold(QueryPrivacy::kNetworks, entry);
    EXPECT_EQ(entry.client->to_string(), "2001:db8:1:200::");
    EXPECT_EQ(entry.name, "www.example");
}

TEST(QueryEntry, NamesKeepsNothingThatPointsToAPerson) {
    QueryEntry entry = entry_from("10.1.2.3");
    withhold(QueryPrivacy::kNames, entry);
    EXPECT_FALSE(entry.client);
    EXPECT_TRUE(entry.group.empty());
    EXPECT_EQ(entry.name, "www.example");
    EXPECT_EQ(entry.by, "ads.example");
}

TEST(QueryEntry, CountsKeepsNoNameNotEvenARules) {
    QueryEntry entry = entry_from("10.1.2.3");
    withhold(QueryPrivacy::kCounts, entry);
    EXPECT_FALSE(entry.client);
    EXPECT_TRUE(entry.name.empty());
    EXPECT_TRUE(entry.by.empty());
    entry = entry_from("10.1.2.3");
    entry.matched = VerdictSource::kBlockList;
    entry.by = "stevenblack";
    withhold(QueryPrivacy::kCounts, entry);
    EXPECT_EQ(entry.by, "stevenblack");
}

TEST(ReversedName, TurnsLabelsRoundAndBack) {
    for (const auto& [name, reversed] : {std::pair<std::string, std::string>{"", ""},
                                         {"home", "home"},
                                         {"www.example.com", "com.example.www"},
                                         {"a\\.b.example", "example.a\\.b"},
                                         {"a\\\\.b.example", "example.b.a\\\\"},
                                         {"a\\046b.c", "c.a\\046b"}}) {
        EXPECT_EQ(reversed_name(name), reversed);
        EXPECT_EQ(reversed_name(reversed), name);
    }
}

}  // namespace
}  // namespace hearth::dns
