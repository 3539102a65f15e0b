#include "dns/core/query_rollup.h"

#include <gtest/gtest.h>

namespace hearth::dns {
namespace {

constexpr std::int64_t kNoon = 1'700'000'000'000 / kHourMs * kHourMs;

QueryEntry entry_at(std::int64_t wall_ms, std::string name, Reason reason) {
    QueryEntry entry;
    entry.wall_ms = wall_ms;
    entry.client = IpAddress::parse("10.0.0.7");
    entry.name = std::move(name);
    entry.reason = reason;
    return entry;
}

TEST(TopCounter, IsExactWithinItsRoom) {
    TopCounter tops(3);
    for (const char* key : {"a", "b", "a", "c", "a", "b"}) tops.add(key);
    EXPECT_EQ(tops.top(2), (std::vector<TopEntry>{{"a", 3}, {"b", 2}}));
    tops.keep(1);
    EXPECT_EQ(tops.size(), 1U);
}

// Whatever comes often stays, however many others pass by, and no count is too low.
TEST(TopCounter, KeepsWhatIsFrequentAmongAFlood) {
    constexpr std::uint64_t kRounds = 100'000;
    TopCounter tops(100);
    for (std::uint64_t i = 0; i < kRounds; ++i) {
        tops.add("flood" + std::to_string(i));
        if (i % 10 == 0) tops.add("frequent");
    }
    EXPECT_LE(tops.size(), 100U);
    const auto first = tops.top(1);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].key, "frequent");
    EXPECT_GE(first[0].count, kRounds / 10);
    EXPECT_LE(first[0].count, kRounds / 10 + kRounds / 50);
}

TEST(QueryRollup, CountsBySlotAndHour) {
    QueryRollup rollup;
    rollup.add(entry_at(kNoon, "www.example", Reason::kCached));
    rollup.add(entry_at(kNoon + kSlotMs - 1, "www.example", Reason::kForwarded));
    rollup.add(entry_at(kNoon + kSlotMs, "ads.example", Reason::kBlocked));
    ASSERT_EQ(rollup.slots().size(), 2U);
    EXPECT_EQ(total_of(rollup.slots().begin()->second), 2U);
    ASSERT_EQ(rollup.hours().size(), 1U);
    const auto& tops = rollup.hours().begin()->second.tops;
    const auto of = [&](TopKind kind) { return tops[static_cast<std::size_t>(kind)].top(10); };
    EXPECT_EQ(of(TopKind::kName), (std::vector<TopEntry>{{"www.example", 2}}));
    EXPECT_EQ(of(TopKind::kBlockedName), (std::vector<TopEntry>{{"ads.example", 1}}));
    EXPECT_EQ(of(TopKind::kClient), (std::vector<TopEntry>{{"10.0.0.7", 3}}));
    EXPECT_TRUE(of(TopKind::kUpstream).empty());
}

TEST(QueryRollup, ForgetsWhatIsOlderThanADay) {
    QueryRollup rollup;
    for (int hour = 0; hour < 30; ++hour)
        rollup.add(entry_at(kNoon + hour * kHourMs, "www.example", Reason::kCached));
    rollup.forget_before(kNoon + 29 * kHourMs);
    EXPECT_EQ(rollup.begin_ms(), kNoon + 5 * kHourMs);
    EXPECT_EQ(rollup.hours().size(), 25U);
    EXPECT_EQ(rollup.slots().size(), 25U);
    rollup.add(entry_at(kNoon, "late.example", Reason::kCached));  // before its time: not counted
    EXPECT_EQ(rollup.hours().size(), 25U);
}

TEST(QueryRollup, AnHourThatIsOverKeepsItsMostFrequent) {
    QueryRollup rollup;
    for (int i = 0; i < 900; ++i)
        rollup.add(entry_at(kNoon, "n" + std::to_string(i) + ".example", Reason::kCached));
    rollup.add(entry_at(kNoon + kHourMs, "www.example", Reason::kCached));
    EXPECT_EQ(rollup.hours().begin()->second.tops[0].size(), QueryRollup::kKeptPerHour);
}

TEST(QueryRollup, AClockThatStandsAt1970Counts) {
    QueryRollup rollup;
    rollup.forget_before(1000);
    rollup.add(entry_at(1000, "www.example", Reason::kCached));
    EXPECT_EQ(total_of(rollup.slots().at(0)), 1U);
}

}  // namespace
}  // namespace hearth::dns
