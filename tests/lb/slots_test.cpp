#include "lb/core/slots.h"

#include <gtest/gtest.h>

#include <map>

namespace hearth::lb {
namespace {

Endpoint machine(std::uint8_t last) { return {IpAddress::v4(10, 0, 0, last), 80}; }

std::map<std::uint8_t, std::size_t> counts(const Slots& slots) {
    std::map<std::uint8_t, std::size_t> by_machine;
    for (const auto& slot : slots) ++by_machine[slot ? slot->address.bytes()[3] : 0];
    return by_machine;
}

std::vector<Backend> equals(std::uint8_t count) {
    std::vector<Backend> backends;
    for (std::uint8_t i = 1; i <= count; ++i) backends.push_back({machine(i), 1});
    return backends;
}

TEST(Slots, EachHasAsManyAsItsWeightSays) {
    const std::vector<Backend> backends{{machine(1), 30}, {machine(2), 10}, {machine(3), 20}};
    const auto by_machine = counts(share_slots(backends, {}));
    EXPECT_EQ(by_machine.at(1), 3 * by_machine.at(2));
    EXPECT_EQ(by_machine.at(3), 2 * by_machine.at(2));
}

TEST(Slots, EveryMachineHasAPlaceWhateverTheWeights) {
    const std::vector<Backend> backends{{machine(1), 1000}, {machine(2), 1}, {machine(3), 999}};
    const Slots slots = share_slots(backends, {});
    EXPECT_EQ(counts(slots).size(), 3U);
    EXPECT_LE(slots.size(), 250U);
}

TEST(Slots, TurnsAreSpreadEvenly) {
    const std::vector<Backend> backends{{machine(1), 2}, {machine(2), 1}};
    const Slots slots = share_slots(backends, {});
    for (std::size_t i = 0; i + 3 <= slots.size(); ++i)
        EXPECT_EQ(
            counts({slots.begin() + static_cast<long>(i), slots.begin() + static_cast<long>(i + 3)})
                .at(1),
            2U);
}

TEST(Slots, TheOthersKeepTheirsWhenOneIsAway) {
    for (std::uint8_t count = 2; count <= 12; ++count) {
        const auto backends = equals(count);
        const Slots all = share_slots(backends, {});
        const Slots without = share_slots(backends, {machine(2)});
        ASSERT_EQ(all.size(), without.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (*all[i] == machine(2))
                EXPECT_NE(*without[i], machine(2));
            else
                EXPECT_EQ(*all[i], *without[i]);
        }
        const auto shares = counts(without);
        const auto [least, most] =
            std::minmax_element(shares.begin(), shares.end(),
                                [](const auto& a, const auto& b) { return a.second < b.second; });
        EXPECT_LE(most->second - least->second, 1U) << int(count);
    }
}

TEST(Slots, NobodyThereMeansNoneTaken) {
    const auto backends = equals(2);
    EXPECT_EQ(counts(share_slots(backends, {machine(1), machine(2)})).at(0), slot_count(backends));
}

TEST(Slots, OneMachineNeedsOne) {
    EXPECT_EQ(slot_count(equals(1)), 1U);
    EXPECT_EQ(slot_count(equals(2)), 24U);
    EXPECT_EQ(slot_count(equals(10)), 30U);
}

}  // namespace
}  // namespace hearth::lb
