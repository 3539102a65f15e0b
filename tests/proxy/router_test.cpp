#include "proxy/core/router.h"

#include <gtest/gtest.h>

#include "proxy/core/authority.h"

namespace hearth::proxy {
namespace {

TEST(Router, HostsInEverySpelling) {
    const std::vector<Service> services{
        {"immich", {"immich.home", "immich"}, {}},
        {"home-assistant", {"home-assistant.home", "home-assistant", "ha.home", "ha"}, {}},
    };
    const Router router(services);
    for (const auto* host : {"immich.home", "IMMICH.Home", "immich.home.", "immich.home:80",
                             "immich", "Immich:8080", "immich.", "immich.home.:80"}) {
        EXPECT_EQ(router.find(host), 0U) << host;
    }
    for (const auto* host : {"ha", "ha.home", "home-assistant.home:443"}) {
        EXPECT_EQ(router.find(host), 1U) << host;
    }
    for (const auto* host : {"", "immich.home.evil", "x.immich.home", "home", "10.0.0.1",
                             "[::1]:80", "immich..", "immichhome"}) {
        EXPECT_EQ(router.find(host), std::nullopt) << host;
    }
    EXPECT_EQ(router.find(std::string(300, 'a')), std::nullopt);
}

TEST(Authority, WhatHostMayHold) {
    for (const auto* text : {"a", "a:80", "a:", "a.b.", "1.2.3.4:8080", "[::1]", "[fd00::1]:443",
                             "xn--bcher-kva", "under_score"}) {
        EXPECT_TRUE(is_authority(text)) << text;
    }
    for (const auto* text : {"", ":80", "a:0", "a:80:80", "a b", "a,b", "a/b", "u@a", "[::1", "::1",
                             "[1.2.3.4]", "[::1]x", ".a", "a%41", "a:+1", "a?b"}) {
        EXPECT_FALSE(is_authority(text)) << text;
    }
    EXPECT_FALSE(is_authority(std::string(256, 'a')));
}

}  // namespace
}  // namespace hearth::proxy
