#include "certs/bind/plan.h"

#include <gtest/gtest.h>

namespace hearth::certs {
namespace {

config::Document home() {
    config::Document document;
    document.nodes = {{"a", IpAddress::v4(10, 0, 0, 11), "", {}},
                      {"b", IpAddress::v4(10, 0, 0, 12), "", {}}};
    config::Service service;
    service.name = "Immich";
    service.aliases = {"photos"};
    service.upstreams = {{"a", IpAddress::v4(10, 0, 0, 11), 2283, "http://a:2283"}};
    config::Service ports;
    ports.name = "mqtt";
    ports.addresses = {IpAddress::v4(10, 0, 0, 101)};
    document.services = {service, ports};
    return document;
}

using Leaves = std::vector<WantedLeaf>;

TEST(Plan, ALeafForEachFullNameBehindTheProxy) {
    const Plan plan = make_plan(home());
    // "a" and "b": DNS over HTTPS, handed on.
    EXPECT_EQ(plan.leaves, (Leaves{{Consumer::kProxy, "a.home", {}},
                                   {Consumer::kProxy, "b.home", {}},
                                   {Consumer::kProxy, "hearth.home", {}},
                                   {Consumer::kProxy, "immich.home", {}},
                                   {Consumer::kProxy, "photos.home", {}}}));
    EXPECT_FALSE(plan.makes_root);
}

TEST(Plan, RedirectsAndFurtherHostsHaveOneToo) {
    config::Document document = home();
    document.services[0].hosts = {"album.my.home", "*.apps.home"};
    config::Service old;
    old.name = "old";
    old.redirect.to = "https://immich.home";
    document.services.push_back(old);
    EXPECT_EQ(make_plan(document).leaves, (Leaves{{Consumer::kProxy, "a.home", {}},
                                                  {Consumer::kProxy, "album.my.home", {}},
                                                  {Consumer::kProxy, "b.home", {}},
                                                  {Consumer::kProxy, "hearth.home", {}},
                                                  {Consumer::kProxy, "immich.home", {}},
                                                  {Consumer::kProxy, "old.home", {}},
                                                  {Consumer::kProxy, "photos.home", {}}}));
}

TEST(Plan, OneNodeMakesItsOwnRoot) {
    config::Document document = home();
    document.nodes.pop_back();
    EXPECT_TRUE(make_plan(document).makes_root);
}

TEST(Plan, NothingWhereNobodyWantsIt) {
    config::Document document = home();
    document.proxy.tls.local_ca = false;
    EXPECT_TRUE(make_plan(document).leaves.empty());
    document.proxy.tls.local_ca = true;
    document.proxy.listen = {{IpAddress::v4(127, 0, 0, 1), 8080}};
    EXPECT_TRUE(make_plan(document).leaves.empty());
}

TEST(Plan, DnsIsCertifiedByEveryAddressItIsAskedAt) {
    config::Document document = home();
    document.proxy.tls.local_ca = false;
    document.dns.tls.local_ca = true;
    EXPECT_EQ(make_plan(document).leaves,
              (Leaves{{Consumer::kDns, "a.home", {IpAddress::v4(10, 0, 0, 11)}},
                      {Consumer::kDns, "b.home", {IpAddress::v4(10, 0, 0, 12)}}}));
    document.vips.resize(1);
    document.vips[0].name = document.dns.vip = "dns";
    document.vips[0].addresses = {IpAddress::v4(10, 0, 0, 53)};
    EXPECT_EQ(make_plan(document).leaves,
              (Leaves{{Consumer::kDns,
                       "dns.home",
                       {IpAddress::v4(10, 0, 0, 53), IpAddress::v4(10, 0, 0, 11),
                        IpAddress::v4(10, 0, 0, 12)}}}));
    document.vips.clear();
    document.dns.vip.clear();
    document.dns.tls.name = "resolver.home";
    EXPECT_EQ(make_plan(document).leaves,
              (Leaves{{Consumer::kDns,
                       "resolver.home",
                       {IpAddress::v4(10, 0, 0, 11), IpAddress::v4(10, 0, 0, 12)}}}));
}

}  // namespace
}  // namespace hearth::certs
