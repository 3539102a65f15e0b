#include "certs/core/ledger.h"

#include <gtest/gtest.h>

#include "certs/core/calendar.h"

namespace hearth::certs {
namespace {

constexpr UnixTime kNow = 1'800'000'000;

class LedgerTest : public testing::Test {
protected:
    // Makes all that is due, and says what it was.
    std::vector<std::string> make_due(UnixTime now) {
        std::vector<std::string> made;
        while (const WantedLeaf* leaf = ledger_.due(root_, now)) {
            const WantedLeaf wanted = *leaf;
            made.push_back(wanted.name);
            ledger_.hold(wanted, leaf_validity(now, root_));
        }
        return made;
    }
    static WantedLeaf leaf(std::string name, std::vector<IpAddress> addresses = {}) {
        return {Consumer::kProxy, std::move(name), std::move(addresses)};
    }

    Validity root_ = root_validity(kNow);
    Ledger ledger_;
};

using Names = std::vector<std::string>;

TEST_F(LedgerTest, EachIsMadeOnce) {
    ledger_.want({leaf("a.home"), leaf("b.home")});
    EXPECT_EQ(make_due(kNow), (Names{"a.home", "b.home"}));
    EXPECT_EQ(make_due(kNow + 20 * kDay), Names{});
    EXPECT_EQ(make_due(kNow + 40 * kDay).size(), 2U);
}

TEST_F(LedgerTest, WhatStaysWantedIsKept) {
    ledger_.want({leaf("a.home"), leaf("b.home")});
    make_due(kNow);
    ledger_.want({leaf("b.home"), leaf("c.home")});
    EXPECT_EQ(make_due(kNow), Names{"c.home"});
}

TEST_F(LedgerTest, OtherAddressesMakeAnotherLeaf) {
    ledger_.want({leaf("dns.home", {IpAddress::v4(10, 0, 0, 53)})});
    make_due(kNow);
    ledger_.want({leaf("dns.home", {IpAddress::v4(10, 0, 0, 54)})});
    EXPECT_EQ(make_due(kNow), Names{"dns.home"});
}

TEST_F(LedgerTest, AnotherRootMakesAllAgain) {
    ledger_.want({leaf("a.home"), leaf("b.home")});
    make_due(kNow);
    ledger_.forget_all();
    EXPECT_EQ(make_due(kNow).size(), 2U);
}

TEST_F(LedgerTest, AFailureRestsForAMinuteAndHoldsUpNobodyElse) {
    ledger_.want({leaf("a.home"), leaf("b.home")});
    ledger_.failed(leaf("a.home"), "disk full", kNow);
    EXPECT_EQ(make_due(kNow), Names{"b.home"});
    EXPECT_EQ(ledger_.all()[0].fault, "disk full");
    EXPECT_EQ(make_due(kNow + 59), Names{});
    EXPECT_EQ(make_due(kNow + 60), Names{"a.home"});
    EXPECT_EQ(ledger_.all()[0].fault, "");
}

TEST_F(LedgerTest, AClockSetBackDoesNotStretchARest) {
    ledger_.want({leaf("a.home")});
    ledger_.failed(leaf("a.home"), "disk full", kNow + 20 * kDay);
    EXPECT_EQ(make_due(kNow + 10 * kDay), Names{"a.home"});
}

TEST_F(LedgerTest, ALeafFromTheFutureIsMadeAgain) {
    ledger_.want({leaf("a.home")});
    make_due(kNow + 400 * kDay);
    EXPECT_EQ(make_due(kNow), Names{"a.home"});
}

}  // namespace
}  // namespace hearth::certs
