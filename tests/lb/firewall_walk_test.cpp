#include "lb/core/firewall_walk.h"

#include <gtest/gtest.h>

#include <array>

namespace hearth::lb::firewall {
namespace {

using Kind = Verdict::Kind;

Verdict verdict(Kind kind, std::string chain = {}) { return {kind, std::move(chain)}; }

// A table whose chain `input` drops what its rules let through.
Table table(std::vector<Rule> rules, Kind policy = Kind::kDrop) {
    Table one;
    one.name = "filter";
    one.chains["input"] = {Hook::kInput, policy, std::move(rules)};
    return one;
}

Packet packet(std::uint16_t port = 53) {
    return {*IpPrefix::parse("10.0.0.0/24"),
            IpAddress::v4(10, 0, 0, 53),
            Transport::kUdp,
            port,
            {"eth0", 2},
            Packet::Way::kToThisHost,
            ConnectionState::kNew,
            Packet::Translation::kNone};
}

bool is_dropped(const Table& one, const Packet& what = packet()) {
    return find_obstacle({one}, what).has_value();
}

Load load(Field field, std::uint32_t offset = 0, std::uint32_t length = 0) {
    return {field, offset, length, 0};
}
Compare equals(std::vector<std::uint8_t> value) {
    return {0, Comparison::kEqual, std::move(value)};
}
Rule port_rule(std::uint8_t port, Kind kind = Kind::kAccept) {
    return {load(Field::kTransportHeader, 2, 2), equals({0, port}), verdict(kind)};
}
Rule source_rule(std::vector<std::uint8_t> octets, Kind kind = Kind::kAccept) {
    const auto length = static_cast<std::uint32_t>(octets.size());
    return {load(Field::kNetworkHeader, 12, length), equals(std::move(octets)), verdict(kind)};
}

TEST(FirewallWalk, ThePolicyDecidesWhatNoRuleDoes) {
    EXPECT_TRUE(is_dropped(table({})));
    EXPECT_FALSE(is_dropped(table({}, Kind::kAccept)));
    EXPECT_TRUE(is_dropped(table({port_rule(22)})));
    EXPECT_FALSE(is_dropped(table({port_rule(53)})));
    EXPECT_TRUE(is_dropped(table({port_rule(53, Kind::kDrop)}, Kind::kAccept)));
    EXPECT_FALSE(is_dropped(table({port_rule(22, Kind::kDrop)}, Kind::kAccept)));
}

TEST(FirewallWalk, TheFirstRuleThatCertainlyMatchesDecides) {
    EXPECT_FALSE(is_dropped(table({port_rule(53), port_rule(53, Kind::kDrop)})));
    EXPECT_TRUE(is_dropped(table({port_rule(53, Kind::kDrop), port_rule(53)}, Kind::kAccept)));
}

TEST(FirewallWalk, ClientsAreSomewhereInTheLan) {
    EXPECT_FALSE(is_dropped(table({source_rule({10, 0, 0})}))) << "all of it";
    EXPECT_FALSE(is_dropped(table({source_rule({10})})));
    EXPECT_TRUE(is_dropped(table({source_rule({192, 168})})));
    EXPECT_FALSE(is_dropped(table({source_rule({10, 0, 0, 7})}))) << "some may";
    EXPECT_FALSE(is_dropped(table({source_rule({10, 0, 0, 7}, Kind::kDrop)}, Kind::kAccept)));
    EXPECT_TRUE(is_dropped(table({source_rule({10, 0, 0}, Kind::kDrop)}, Kind::kAccept)));
}

TEST(FirewallWalk, BitsThatAreMaskedAwayAreKnown) {
    const auto with_mask = [](std::uint8_t last) {
        return Rule{load(Field::kNetworkHeader, 12, 4),
                    Mask{0, 0, {255, 255, 255, 128}, {0, 0, 0, 0}}, equals({10, 0, 0, last}),
                    verdict(Kind::kAccept)};
    };
    EXPECT_FALSE(is_dropped(table({with_mask(0)}))) << "half of the LAN";
    EXPECT_TRUE(is_dropped(table({with_mask(1)}))) << "nobody";
}

TEST(FirewallWalk, JumpsComeBackAndGotosDoNot) {
    const auto with_chain = [](Kind how, std::vector<Rule> rules, Kind policy) {
        Table one = table({{verdict(how, "inner")}, {verdict(Kind::kAccept)}}, policy);
        one.chains["inner"] = {Hook::kNone, Kind::kAccept, std::move(rules)};
        return one;
    };
    EXPECT_FALSE(is_dropped(with_chain(Kind::kJump, {}, Kind::kDrop)));
    EXPECT_FALSE(is_dropped(
        with_chain(Kind::kJump, {{verdict(Kind::kReturn)}, {verdict(Kind::kDrop)}}, Kind::kDrop)));
    EXPECT_TRUE(is_dropped(with_chain(Kind::kJump, {port_rule(53, Kind::kDrop)}, Kind::kAccept)));
    EXPECT_TRUE(is_dropped(with_chain(Kind::kGoto, {}, Kind::kDrop)));
    EXPECT_FALSE(is_dropped(with_chain(Kind::kGoto, {port_rule(53)}, Kind::kDrop)));
    EXPECT_FALSE(
        is_dropped(with_chain(Kind::kGoto, {{verdict(Kind::kJump, "gone")}}, Kind::kDrop)));
}

TEST(FirewallWalk, WhatIsNotUnderstoodRaisesNoAlarm) {
    const Rule perhaps_accepted{Extension{}, verdict(Kind::kAccept)};
    const Rule perhaps_dropped{Extension{}, verdict(Kind::kDrop)};
    EXPECT_FALSE(is_dropped(table({perhaps_accepted})));
    EXPECT_FALSE(is_dropped(table({perhaps_dropped}, Kind::kAccept)));
    EXPECT_TRUE(is_dropped(table({perhaps_dropped})));
    EXPECT_FALSE(is_dropped(table({{verdict(Kind::kUnknown)}})));
    EXPECT_FALSE(is_dropped(
        table({{load(Field::kUnknown, 0, 4), equals({0, 0, 0, 7}), verdict(Kind::kAccept)}})));
}

TEST(FirewallWalk, SetsAndMapsOfVerdicts) {
    const std::vector<Element> ports{{{0, 22}, {0, 22}, {}}, {{0, 50}, {0, 60}, {}}};
    const auto with_set = [&](Sense sense, Set set) {
        Table one = table(
            {{load(Field::kTransportHeader, 2, 2),
              Lookup{0, "ports", sense, Lookup::Result::kMembership}, verdict(Kind::kAccept)}});
        one.sets["ports"] = std::move(set);
        return one;
    };
    EXPECT_FALSE(is_dropped(with_set(Sense::kInside, {ports, Set::Reading::kComplete})));
    EXPECT_TRUE(is_dropped(with_set(Sense::kOutside, {ports, Set::Reading::kComplete})));
    EXPECT_TRUE(is_dropped(with_set(Sense::kInside, {ports, Set::Reading::kComplete}), [] {
        Packet other = packet(61);
        return other;
    }()));
    EXPECT_FALSE(is_dropped(with_set(Sense::kInside, {{}, Set::Reading::kPartial})));

    Table map = table(
        {{load(Field::kTransport), Lookup{0, "map", Sense::kInside, Lookup::Result::kVerdict}}});
    map.sets["map"] = {{{{6}, {6}, verdict(Kind::kAccept)}, {{17}, {17}, verdict(Kind::kDrop)}},
                       Set::Reading::kComplete};
    map.chains["input"].policy = Kind::kAccept;
    EXPECT_TRUE(is_dropped(map));
    map.sets["map"].elements[1].verdict = verdict(Kind::kContinue);
    EXPECT_FALSE(is_dropped(map));
}

TEST(FirewallWalk, StatesOfConnectionsTrackedAndNot) {
    const auto states = [](std::uint32_t some) {
        return table({{Extension{Extension::Kind::kStates, some, {}, Sense::kInside},
                       verdict(Kind::kAccept)}});
    };
    EXPECT_FALSE(is_dropped(states(ConnectionState::kNew)));
    EXPECT_TRUE(is_dropped(states(2 | 4)));
    Packet untracked = packet();
    untracked.state = ConnectionState::kUntracked;
    EXPECT_TRUE(is_dropped(states(ConnectionState::kNew), untracked));
}

TEST(FirewallWalk, OnlyTheWayOfThePacketAndItsFamilyCount) {
    Table one = table({});
    one.chains["input"].hook = Hook::kForward;
    EXPECT_FALSE(is_dropped(one));
    Packet through = packet();
    through.way = Packet::Way::kThrough;
    EXPECT_TRUE(is_dropped(one, through));
    one = table({});
    one.family = Table::Family::kIpv6;
    EXPECT_FALSE(is_dropped(one));
    one.family = Table::Family::kIpv4;
    EXPECT_TRUE(is_dropped(one));
}

TEST(FirewallWalk, WhoDropsIsNamed) {
    Table one = table({});
    EXPECT_EQ(*find_obstacle({one}, packet()),
              (Obstacle{"inet filter", "input", Obstacle::Maker::kNftables}));
    one.family = Table::Family::kIpv4;
    one.chains["INPUT"] = one.chains.extract("input").mapped();
    EXPECT_EQ(find_obstacle({one}, packet())->maker, Obstacle::Maker::kIptables);
    one.chains["ufw-user-input"];
    EXPECT_EQ(find_obstacle({one}, packet())->maker, Obstacle::Maker::kUfw);
    one.name = "firewalld";
    EXPECT_EQ(find_obstacle({one}, packet())->maker, Obstacle::Maker::kFirewalld);
}

TEST(FirewallWalk, ARingOfJumpsEnds) {
    Table one = table({{verdict(Kind::kJump, "a")}});
    one.chains["a"] = {Hook::kNone, Kind::kAccept, {{verdict(Kind::kJump, "b")}}};
    one.chains["b"] = {Hook::kNone, Kind::kAccept, {{verdict(Kind::kJump, "a")}}};
    EXPECT_FALSE(is_dropped(one));
}

}  // namespace
}  // namespace hearth::lb::firewall
