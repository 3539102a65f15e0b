#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/load.h"
#include "config/use_assignments.h"

namespace hearth::config {
namespace {

Document document(const std::string& rest) {
    std::vector<Source> sources;
    sources.emplace_back("hearth.yaml",
                         "lan: [10.0.0.0/24, \"fd00::/64\"]\n"
                         "nodes: {a: 10.0.0.11, b: 10.0.0.12, c: 10.0.0.13}\n"
                         "pools: {home: [10.0.0.240/28, \"fd00::100/120\"]}\n" +
                             rest);
    auto loaded = load_sources(sources, "/etc/hearth", {Parsing::kInProcess, {}});
    EXPECT_TRUE(loaded) << render(loaded.findings);
    return loaded ? *loaded.document : Document{};
}

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

std::string services(const std::vector<std::string>& names) {
    std::string text = "services:\n";
    for (const auto& name : names) text += "  " + name + ": {vip: auto, ports: {tcp/1: a}}\n";
    return text;
}

std::map<std::string, std::string> owners(const Document& home) {
    std::map<std::string, std::string> first;
    for (const Vip& vip : home.vips) first[vip.name] = vip.prefer.front();
    return first;
}

TEST(Pools, AddressesGoToVipsAndTheirServices) {
    auto home = document(
        "vips: {media: auto}\nservices:\n  films: {vip: media, ports: {tcp/1: a}}\n"
        "  music: {vip: media, ports: {tcp/2: [a, \"[fd00::9]:2\"]}}\n"
        "  later: {vip: auto, ports: {tcp/1: a}}\n");
    EXPECT_EQ(home.find_vip("media")->families, (std::vector{IpFamily::kV4, IpFamily::kV6}));
    EXPECT_EQ(home.find_vip("later")->families, std::vector{IpFamily::kV4});
    use_assignments(home, {{"media", ip("fd00::101"), 1, 1},
                           {"media", ip("10.0.0.241"), 1, 1},
                           {"gone", ip("10.0.0.242"), 1, 1}});
    EXPECT_EQ(home.find_vip("media")->addresses, (std::vector{ip("10.0.0.241"), ip("fd00::101")}));
    EXPECT_EQ(home.find_service("films")->addresses, std::vector{ip("10.0.0.241")})
        << "nobody would answer over IPv6";
    EXPECT_EQ(home.find_service("music")->addresses.size(), 2U);
    EXPECT_EQ(home.find_vip("later"), nullptr) << "it has no address yet";
    EXPECT_TRUE(home.find_service("later")->addresses.empty());
}

TEST(Pools, NumbersOfVirtualRoutersDoNotMeet) {
    auto home = document(
        "vips: {dns: {address: 10.0.0.53, vrid: 241}, six: 10.0.0.242}\n"
        "dns: {vip: dns}\n" +
        services({"x", "y", "six-of-it"}));
    use_assignments(home, {{"x", ip("10.0.0.241"), 1, 1},
                           {"y", ip("10.0.0.243"), 1, 1},
                           {"six-of-it", ip("10.0.0.244"), 1, 1}});
    std::set<int> numbers;
    for (const Vip& vip : home.vips) numbers.insert(vip.vrid);
    EXPECT_EQ(numbers.size(), home.vips.size());
    EXPECT_EQ(home.find_vip("y")->vrid, 244) << "243 is x's, whose own was taken";
}

TEST(Pools, FixedAddressesOfAServiceAreAVipOfBothFamilies) {
    const auto home =
        document("services: {mqtt: {vip: [10.0.0.101, \"fd00::9\"], ports: {tcp/1: a}}}\n");
    EXPECT_EQ(home.find_vip("mqtt")->addresses.size(), 2U);
    EXPECT_EQ(home.find_vip("mqtt")->prefer.front(), "a") << "not spread";
}

TEST(Spread, EveryNodeHasItsShare) {
    std::vector<std::string> names;
    for (int i = 0; i < 12; ++i) names.push_back("service-" + std::to_string(i));
    const auto home = document(services(names));
    std::map<std::string, int> load;
    for (const auto& [vip, owner] : owners(home)) ++load[owner];
    EXPECT_EQ(load, (std::map<std::string, int>{{"a", 4}, {"b", 4}, {"c", 4}}));
    for (const Vip& vip : home.vips) EXPECT_EQ(vip.prefer.size(), 3U);
}

TEST(Spread, WrittenPreferencesCountAndStay) {
    const auto home = document(
        "vips:\n  dns: {address: 10.0.0.53, prefer: [a, b]}\n"
        "  web: {address: 10.0.0.80, prefer: [a, c]}\n"
        "dns: {vip: dns}\nproxy: {vip: web}\n" +
        services({"x", "y", "z", "w"}));
    const auto first = owners(home);
    EXPECT_EQ(first.at("dns"), "a");
    EXPECT_EQ(first.at("web"), "a");
    EXPECT_EQ(std::ranges::count(first, "a", &std::pair<const std::string, std::string>::second),
              2);
}

TEST(Spread, OneMoreMovesFew) {
    const auto before = owners(document(services({"p", "q", "r", "s", "t", "u"})));
    const auto after = owners(document(services({"p", "q", "r", "s", "t", "u", "v"})));
    int moved = 0;
    for (const auto& [vip, owner] : before) moved += after.at(vip) == owner ? 0 : 1;
    EXPECT_LE(moved, 2);
    const auto shuffled = owners(document(services({"u", "s", "q", "t", "r", "p"})));
    EXPECT_EQ(before, shuffled);
}

TEST(Spread, ThoseThatMoveTogetherAreOne) {
    const auto home = document(
        "vips:\n  x: {address: auto, sync_group: front}\n"
        "  y: {address: auto, sync_group: front}\n"
        "  z: {address: 10.0.0.9, prefer: [b, c], spread: true}\n"
        "services:\n  s: {vip: x, ports: {tcp/1: a}}\n"
        "  t: {vip: y, ports: {tcp/1: a}}\n"
        "  u: {vip: z, ports: {tcp/1: a}}\n");
    EXPECT_EQ(home.find_vip("x")->prefer, home.find_vip("y")->prefer);
    EXPECT_EQ(home.find_vip("z")->prefer.size(), 2U);
}

}  // namespace
}  // namespace hearth::config
