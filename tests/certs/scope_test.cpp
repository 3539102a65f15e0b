#include "certs/core/scope.h"

#include <gtest/gtest.h>

namespace hearth::certs {
namespace {

TEST(Scope, TheDomainAndWhatIsUnderIt) {
    const Scope scope = home_scope("my.home");
    for (const auto name : {"my.home", "immich.my.home", "a.b.my.home"})
        EXPECT_TRUE(permits(scope, name)) << name;
    for (const auto name : {"home", "immich.home", "notmy.home", "my.home.example", "immich", ""})
        EXPECT_FALSE(permits(scope, name)) << name;
}

TEST(Scope, PrivateAddressesAlone) {
    const Scope scope = home_scope("home");
    for (const auto text : {"10.0.0.53", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1"})
        EXPECT_TRUE(permits(scope, *IpAddress::parse(text))) << text;
    for (const auto text : {"8.8.8.8", "172.32.0.1", "127.0.0.1", "2001:db8::1", "fe80::1"})
        EXPECT_FALSE(permits(scope, *IpAddress::parse(text))) << text;
}

TEST(Scope, ARootWithoutConstraintsMaySignAnything) {
    EXPECT_TRUE(permits(Scope{}, "www.example"));
    EXPECT_TRUE(permits(Scope{}, IpAddress::v4(8, 8, 8, 8)));
}

TEST(Scope, OtherAddressesAreLeftOut) {
    const WantedLeaf wanted{
        Consumer::kDns, "dns.home", {IpAddress::v4(10, 0, 0, 53), IpAddress::v4(8, 8, 8, 8)}};
    const WantedLeaf left{Consumer::kDns, "dns.home", {IpAddress::v4(10, 0, 0, 53)}};
    EXPECT_EQ(within(home_scope("home"), wanted), left);
}

TEST(Scope, WhatMayStandInACertificate) {
    for (const auto name : {"a", "immich.home", "x-1.my_home", "1.2"})
        EXPECT_TRUE(is_host_name(name)) << name;
    for (const auto name :
         {"", ".", "a.", ".a", "a..b", "a/b", "a b", "A", "a,DNS:b", "*.home", "ä"})
        EXPECT_FALSE(is_host_name(name)) << name;
    EXPECT_FALSE(is_host_name(std::string(254, 'a')));
}

}  // namespace
}  // namespace hearth::certs
