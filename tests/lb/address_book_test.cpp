#include "lb/core/address_book.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hearth::lb {
namespace {

using Newcomers = AddressBook::Newcomers;
using State = AddressState;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

AddressPool pool(const char* name, const char* first, const char* last,
                 PoolUse use = PoolUse::kByAnybody) {
    return {name, {{ip(first), ip(last)}}, use, BuggyAddresses::kAvoided};
}

struct Home {
    PoolPlan plan{{pool("home", "10.0.0.240", "10.0.0.247")},
                  {*IpPrefix::parse("10.0.0.0/24"), *IpPrefix::parse("fd00::/64")},
                  {},
                  {},
                  {}};

    Home& with(const std::vector<std::string>& vips, const std::string& from = "",
               std::vector<IpFamily> families = {IpFamily::kV4}) {
        for (const auto& vip : vips) plan.requests.push_back({vip, from, families});
        return *this;
    }
    AddressBook book(Newcomers newcomers = Newcomers::kServe) const {
        AddressBook book;
        book.apply(plan);
        static_cast<void>(book.settle(newcomers, 1000));
        return book;
    }
};

std::map<std::string, std::string> addresses(const AddressBook& book) {
    std::map<std::string, std::string> all;
    for (const auto& one : book.in_force()) all[one.vip] = one.address.to_string();
    return all;
}

State state_of(const AddressBook& book, const std::string& vip) {
    const auto found = std::ranges::find(book.view(), vip, &AddressView::vip);
    EXPECT_NE(found, book.view().end());
    return found->state;
}

TEST(AddressBook, FirstChoiceFollowsFromTheNameAlone) {
    const auto one = addresses(Home().with({"mqtt", "voice"}).book());
    const auto other = addresses(Home().with({"voice", "mqtt"}).book());
    EXPECT_EQ(one, other);
    EXPECT_EQ(one.size(), 2U);
    EXPECT_NE(one.at("mqtt"), one.at("voice"));
}

TEST(AddressBook, WhatIsAssignedStaysWhateverComesAndGoes) {
    Home home;
    auto book = home.with({"mqtt", "voice"}).book();
    const auto before = addresses(book);
    home.plan.requests.clear();
    book.apply(home.with({"aaa", "mqtt", "bbb", "zzz"}).plan);
    EXPECT_TRUE(book.settle(Newcomers::kServe, 2000));
    EXPECT_EQ(addresses(book).at("mqtt"), before.at("mqtt"));
    for (const auto& [vip, address] : addresses(book))
        EXPECT_TRUE(vip == "mqtt" || address != before.at("voice"))
            << "another node may have voice";
}

TEST(AddressBook, NewcomersWaitAndTheKnownDoNot) {
    const auto before = Home().with({"mqtt"}).book();
    AddressBook book;
    EXPECT_TRUE(book.merge(before.all()));
    book.apply(Home().with({"aaa", "mqtt"}).plan);
    EXPECT_FALSE(book.settle(Newcomers::kWait, 2000));
    EXPECT_EQ(addresses(book), addresses(before));
    EXPECT_EQ(state_of(book, "aaa"), State::kWaiting);
    EXPECT_TRUE(book.settle(Newcomers::kServe, 2000));
    EXPECT_EQ(state_of(book, "aaa"), State::kAssigned);
    EXPECT_EQ(addresses(book).at("mqtt"), addresses(before).at("mqtt"));
}

TEST(AddressBook, BooksThatHearEachOtherBecomeTheSame) {
    AddressBook a;
    AddressBook b;
    EXPECT_TRUE(a.merge({{"mqtt", ip("10.0.0.241"), 1, 100}, {"voice", ip("10.0.0.242"), 1, 100}}));
    EXPECT_TRUE(b.merge({{"mqtt", ip("10.0.0.243"), 1, 90}, {"films", ip("10.0.0.242"), 1, 110}}));
    for (AddressBook* book : {&a, &b}) book->apply(Home().with({"films", "mqtt", "voice"}).plan);
    for (int round = 0; round < 3; ++round) {
        static_cast<void>(a.merge(b.all()));
        static_cast<void>(a.settle(Newcomers::kServe, 200 + round));
        static_cast<void>(b.merge(a.all()));
        static_cast<void>(b.settle(Newcomers::kServe, 200 + round));
    }
    EXPECT_EQ(a.all(), b.all());
    EXPECT_EQ(addresses(a).at("mqtt"), "10.0.0.243") << "the older entry";
    EXPECT_EQ(addresses(a).at("voice"), "10.0.0.242") << "the older of two with one address";
    EXPECT_NE(addresses(a).at("films"), "10.0.0.242");
    EXPECT_FALSE(a.merge(b.all()));
}

TEST(AddressBook, ConvergesWhicheverSideSpeaksFirst) {
    const std::vector<AssignedAddress> left{{"x", ip("10.0.0.241"), 1, 5},
                                            {"y", ip("10.0.0.242"), 2, 7},
                                            {"z", ip("10.0.0.243"), 1, 5}};
    const std::vector<AssignedAddress> right{{"x", ip("10.0.0.242"), 1, 5},
                                             {"y", ip("10.0.0.241"), 1, 1},
                                             {"z", ip("10.0.0.241"), 3, 9}};
    AddressBook forth;
    AddressBook back;
    static_cast<void>(forth.merge(left));
    static_cast<void>(forth.merge(right));
    static_cast<void>(back.merge(right));
    static_cast<void>(back.merge(left));
    EXPECT_EQ(forth.all(), back.all());
}

TEST(AddressBook, StrandedServicesKeepTheirAddress) {
    Home home;
    auto book = home.with({"mqtt"}).book();
    const auto before = addresses(book);
    home.plan.pools = {pool("home", "10.0.0.200", "10.0.0.210")};
    book.apply(home.plan);
    EXPECT_FALSE(book.settle(Newcomers::kServe, 2000));
    EXPECT_EQ(state_of(book, "mqtt"), State::kStranded);
    EXPECT_EQ(addresses(book), before);
    EXPECT_TRUE(book.renumber("mqtt", 3000));
    static_cast<void>(book.settle(Newcomers::kServe, 3000));
    EXPECT_EQ(state_of(book, "mqtt"), State::kAssigned);
    EXPECT_TRUE(addresses(book).at("mqtt").starts_with("10.0.0.20") ||
                addresses(book).at("mqtt") == "10.0.0.210");
    EXPECT_EQ(book.all().front().revision, 2U);
}

TEST(AddressBook, AddressesOfOthersAndOfNobodyAreLeft) {
    Home home;
    auto book = home.with({"mqtt"}).book();
    home.plan.taken.insert(ip(addresses(book).at("mqtt").c_str()));
    book.apply(home.plan);
    EXPECT_TRUE(book.settle(Newcomers::kServe, 2000));
    EXPECT_FALSE(home.plan.taken.contains(ip(addresses(book).at("mqtt").c_str())));

    Home wide;
    wide.plan.lan = {*IpPrefix::parse("10.0.0.0/23")};
    wide.plan.pools = {pool("home", "10.0.0.255", "10.0.1.0"),
                       pool("more", "10.0.1.255", "10.0.1.255")};
    EXPECT_EQ(state_of(wide.with({"mqtt"}).book(), "mqtt"), State::kExhausted) << "avoided";
    wide.plan.pools.front().buggy = BuggyAddresses::kUsed;
    wide.plan.pools.back().buggy = BuggyAddresses::kUsed;
    EXPECT_EQ(addresses(wide.with({"nfs", "smb"}).book()).size(), 2U) << "no broadcast address";
}

TEST(AddressBook, PoolsAreUsedInOrderByThoseWhoMay) {
    Home home;
    home.plan.pools = {pool("first", "10.0.0.220", "10.0.0.220"),
                       pool("guests", "10.0.0.210", "10.0.0.211", PoolUse::kByName),
                       pool("last", "10.0.0.230", "10.0.0.230")};
    home.with({"a", "b", "c"}).with({"g"}, "guests");
    const auto book = home.book();
    EXPECT_EQ(addresses(book).at("a"), "10.0.0.220");
    EXPECT_EQ(addresses(book).at("b"), "10.0.0.230");
    EXPECT_EQ(state_of(book, "c"), State::kExhausted);
    EXPECT_TRUE(addresses(book).at("g").starts_with("10.0.0.21"));
}

TEST(AddressBook, WhoNamesAnotherPoolMovesWithTheDocumentAndNotWithNews) {
    Home home;
    home.plan.pools.push_back(pool("guests", "10.0.0.210", "10.0.0.211"));
    auto book = home.with({"mqtt"}, "home").book();
    EXPECT_TRUE(book.merge({{"mqtt", ip("10.0.0.210"), 2, 2000}}));
    EXPECT_FALSE(book.settle(Newcomers::kServe, 2000)) << "another node has another document";
    book.apply(home.plan);
    EXPECT_TRUE(book.settle(Newcomers::kServe, 3000));
    EXPECT_TRUE(addresses(book).at("mqtt").starts_with("10.0.0.24"));
}

TEST(AddressBook, EachFamilyHasItsAddress) {
    Home home;
    home.plan.pools.front().ranges.push_back({ip("fd00::ff:ffff"), ip("fd00::ffff:ffff")});
    auto book = home.with({"mqtt"}, "", {IpFamily::kV4}).book();
    const auto four = addresses(book).at("mqtt");
    home.plan.requests.front().families = {IpFamily::kV4, IpFamily::kV6};
    book.apply(home.plan);
    EXPECT_TRUE(book.settle(Newcomers::kServe, 2000));
    ASSERT_EQ(book.in_force().size(), 2U);
    EXPECT_EQ(book.in_force().front().address.to_string(), four);
    EXPECT_TRUE(IpPrefix::parse("fd00::/64")->contains(book.in_force().back().address));
}

TEST(AddressBook, NumbersOfVirtualRoutersAreLeftToOthersWhilePossible) {
    Home home;
    for (std::uint8_t last = 240; last < 247; ++last) home.plan.numbers.insert(last);
    auto book = home.with({"mqtt", "voice"}).book();
    EXPECT_EQ(addresses(book).at("mqtt"), "10.0.0.247");
    EXPECT_EQ(addresses(book).size(), 2U);
}

TEST(AddressBook, ThoseWhomNoDocumentHasAreForgotten) {
    Home home;
    auto book = home.with({"mqtt", "voice"}).book();
    home.plan.requests.clear();
    book.apply(home.with({"mqtt"}).plan);
    static_cast<void>(book.settle(Newcomers::kServe, 2000));
    EXPECT_EQ(book.all().size(), 2U);
    EXPECT_TRUE(book.forget_the_rest());
    EXPECT_FALSE(book.forget_the_rest());
    EXPECT_EQ(book.all().size(), 1U);
}

}  // namespace
}  // namespace hearth::lb
