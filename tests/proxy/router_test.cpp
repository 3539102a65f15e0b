#include "proxy/core/router.h"

#include <gtest/gtest.h>

#include "proxy/core/authority.h"

namespace hearth::proxy {
namespace {

Service service(const std::string& name, std::vector<std::string> hosts) {
    Service made;
    made.name = name;
    made.hosts = std::move(hosts);
    return made;
}

Service under(const std::string& owner, std::vector<PathRule> paths) {
    Service made;
    made.under = owner;
    made.paths = std::move(paths);
    return made;
}

constexpr auto kExact = PathRule::Kind::kExact;
constexpr auto kPrefix = PathRule::Kind::kPrefix;

TEST(Router, TheMostTellingPathDecides) {
    const std::vector<Service> services{
        service("web", {"web.home"}), under("web", {{"/api", kPrefix}, {"/", kExact}}),
        under("web", {{"/api/v2", kPrefix}}), under("web", {{"/api/v2/health", kExact}}),
        service("other", {"other.home"})};
    const Router router(services);
    const std::pair<const char*, std::size_t> table[] = {{"/", 1},
                                                         {"/x", 0},
                                                         {"/api", 1},
                                                         {"/api/x", 1},
                                                         {"/apis", 0},
                                                         {"/api/v2", 2},
                                                         {"/api/v2/x?y", 2},
                                                         {"/api/v2/health", 3},
                                                         {"/API", 0},
                                                         {"/%61pi/x", 1},
                                                         {"/x/../api/v2/", 2},
                                                         {"//api", 1},
                                                         {"/api/v2/health/", 2}};
    for (const auto& [target, expected] : table) {
        const Route route = router.find("WEB.home:80", target);
        EXPECT_EQ(route.service, expected) << target;
        EXPECT_EQ(route.owner, 0U);
        EXPECT_FALSE(route.ambiguous) << target;
    }
    EXPECT_EQ(router.find("other.home", "/api").service, 4U);
    EXPECT_EQ(router.find("web.home", "/api/x").rule->path, "/api");
}

TEST(Router, APathThatReadersTakeDifferentlyIsAmbiguous) {
    const std::vector<Service> services{service("web", {"web.home"}),
                                        under("web", {{"/admin", kPrefix}})};
    const Router router(services);
    for (const char* target :
         {"/public/..%2Fadmin", "/x%2f..%2fadmin", "/admin/..%5c..", "/x\\..\\admin"})
        EXPECT_TRUE(router.find("web.home", target).ambiguous) << target;
    for (const char* target : {"/a%2Fb", "/admin/a%2Fb", "/admin/..%2fadmin"})
        EXPECT_FALSE(router.find("web.home", target).ambiguous) << target;
}

TEST(Router, WildcardsAndTheDefault) {
    std::vector<Service> services{service("one", {"one.home"}), service("any", {}),
                                  service("apps", {}), service("rest", {})};
    services[1].further_hosts = {"*.home", "photos.example"};
    services[2].further_hosts = {"*.apps.home"};
    const Router router(services, 3);
    EXPECT_EQ(router.find("one.home", "/").service, 0U);
    EXPECT_EQ(router.find("two.home", "/").service, 1U);
    EXPECT_EQ(router.find("Photos.Example", "/").service, 1U);
    EXPECT_EQ(router.find("x.apps.home", "/").service, 2U);
    EXPECT_EQ(router.find("y.x.apps.home.", "/").service, 2U);
    EXPECT_EQ(router.find("apps.home", "/").service, 1U);
    EXPECT_EQ(router.find("home", "/").service, 3U);
    EXPECT_EQ(router.find("10.0.0.1", "/").service, 3U);
}

TEST(Router, HostsInEverySpelling) {
    const std::vector<Service> services{
        service("immich", {"immich.home", "immich"}),
        service("home-assistant", {"home-assistant.home", "home-assistant", "ha.home", "ha"}),
    };
    const Router router(services);
    for (const auto* host : {"immich.home", "IMMICH.Home", "immich.home.", "immich.home:80",
                             "immich", "Immich:8080", "immich.", "immich.home.:80"}) {
        EXPECT_EQ(router.find(host, "/").service, 0U) << host;
    }
    for (const auto* host : {"ha", "ha.home", "home-assistant.home:443"}) {
        EXPECT_EQ(router.find(host, "/").service, 1U) << host;
    }
    for (const auto* host : {"", "immich.home.evil", "x.immich.home", "home", "10.0.0.1",
                             "[::1]:80", "immich..", "immichhome"}) {
        EXPECT_EQ(router.find(host, "/").service, std::nullopt) << host;
    }
    EXPECT_EQ(router.find(std::string(300, 'a'), "/").service, std::nullopt);
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
