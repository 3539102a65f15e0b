#include "dns/core/upstream_state.h"

#include <gtest/gtest.h>

#include <array>

namespace hearth::dns {
namespace {

class NeverExplore final : public RandomSource {
public:
    std::uint64_t next() override { return 1; }
};

class UpstreamTableTest : public testing::Test {
protected:
    UpstreamTableTest() {
        for (std::uint8_t i = 0; i < 2; ++i)
            candidates[i] = table.index_of(Endpoint{IpAddress::v4(192, 0, 2, i), 53});
        table.on_answer(0, 20ms, now);
        table.on_answer(1, 40ms, now);
    }
    UpstreamTable::Choice choose(std::vector<UpstreamIndex> tried = {}) {
        return table.choose(candidates, tried, strategy, now, random);
    }

    UpstreamTable table;
    UpstreamStrategy strategy = UpstreamStrategy::kFastest;
    NeverExplore random;
    std::array<UpstreamIndex, 2> candidates{};
    TimePoint now{1h};
};

TEST_F(UpstreamTableTest, IndicesAreStable) {
    EXPECT_EQ(table.index_of(Endpoint{IpAddress::v4(192, 0, 2, 1), 53}), 1);
    EXPECT_EQ(table.index_of(Endpoint{IpAddress::v4(192, 0, 2, 1), 5353}), 2);
}

TEST_F(UpstreamTableTest, TheFastestIsChosenThenTheOther) {
    EXPECT_EQ(choose().use, 0);
    EXPECT_EQ(choose({0}).use, 1);
    EXPECT_EQ(choose({0, 1}).use, 0) << "all tried: again the fastest";
    for (int i = 0; i < 40; ++i) table.on_answer(0, 90ms, now);
    EXPECT_EQ(choose().use, 1);
}

TEST_F(UpstreamTableTest, StrictGoesByTheOrderAndNotByTheTime) {
    strategy = UpstreamStrategy::kStrict;
    for (int i = 0; i < 40; ++i) table.on_answer(0, 900ms, now);
    EXPECT_EQ(choose().use, 0);
    EXPECT_EQ(choose({0}).use, 1);
    table.on_timeout(0, now);
    EXPECT_EQ(choose().use, 1) << "in doubt";
    now += 500ms;
    EXPECT_EQ(choose().probe, 0);
    table.on_answer(0, 20ms, now);
    EXPECT_EQ(choose().use, 0) << "back";
}

TEST_F(UpstreamTableTest, AServerIsAnotherOneOverAnotherProtocol) {
    const Endpoint endpoint{IpAddress::v4(192, 0, 2, 1), 53};
    const UpstreamServer tls(endpoint, UpstreamProtocol::kTls, "dns.example");
    const auto index = table.index_of(tls);
    EXPECT_NE(index, table.index_of(endpoint));
    EXPECT_EQ(index, table.index_of(tls));
    EXPECT_EQ(table[index].server.to_string(), "tls://192.0.2.1:53#dns.example");
    EXPECT_EQ(table.patience(index), 1s) << "a connection takes its time";
}

TEST_F(UpstreamTableTest, OneTimeoutPutsInDoubtAndAProbeDecides) {
    table.on_timeout(0, now);
    EXPECT_EQ(choose().use, 1);
    EXPECT_FALSE(choose().probe);
    now += 500ms;
    const auto choice = choose();
    EXPECT_EQ(choice.use, 1);
    EXPECT_EQ(choice.probe, 0);
    EXPECT_FALSE(choose().probe) << "one at a time";
    for (int i = 0; i < 40; ++i) table.on_answer(0, 20ms, now);
    EXPECT_EQ(choose().use, 0);
}

TEST_F(UpstreamTableTest, ThreeTimeoutsAreDeath) {
    for (int i = 0; i < 3; ++i) table.on_timeout(0, now);
    EXPECT_TRUE(table[0].is_dead);
    for (int i = 0; i < 3; ++i) table.on_timeout(1, now);
    EXPECT_FALSE(choose().use) << "nobody is due";
    now += 5s;
    EXPECT_TRUE(choose().use);
    table.on_answer(1, 40ms, now);
    EXPECT_FALSE(table[1].is_dead);
    EXPECT_EQ(choose().use, 1);
}

TEST_F(UpstreamTableTest, TheOnlyUpstreamIsAskedAlsoInDoubt) {
    const std::array<UpstreamIndex, 1> only = {0};
    table.on_timeout(0, now);
    const auto choice = table.choose(only, {}, strategy, now + 10s, random);
    EXPECT_EQ(choice.use, 0);
    EXPECT_FALSE(choice.probe);
}

TEST_F(UpstreamTableTest, PatienceFollowsTheRtt) {
    const Duration first =
        table.patience(table.index_of(Endpoint{IpAddress::v4(192, 0, 2, 9), 53}));
    EXPECT_EQ(first, 400ms);
    EXPECT_EQ(table.patience(0), 150ms) << "not below";
    for (int i = 0; i < 50; ++i) table.on_answer(0, 2s, now);
    EXPECT_EQ(table.patience(0), 1500ms) << "not above";
}

}  // namespace
}  // namespace hearth::dns
