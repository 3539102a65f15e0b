#include "proxy/bind/plan.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

config::Document home() {
    config::Document document;
    document.lan = {*IpPrefix::parse("10.0.0.0/24")};
    document.nodes = {{"pi4", IpAddress::v4(10, 0, 0, 11), "", {}}};
    document.vips.resize(1);
    document.vips[0].name = "proxy";
    document.vips[0].addresses = {IpAddress::v4(10, 0, 0, 100)};
    document.proxy.vip = "proxy";
    config::Service service;
    service.name = "Home-Assistant";
    service.aliases = {"ha"};
    service.upstreams = {{"pi4", IpAddress::v4(10, 0, 0, 11), 8123, "http://pi4:8123"}};
    document.services = {service};
    return document;
}

std::vector<Listening> plain(const std::vector<Endpoint>& endpoints) {
    std::vector<Listening> all;
    for (const Endpoint& endpoint : endpoints) all.push_back({endpoint, Security::kPlain});
    return all;
}

TEST(Plan, ListensOnTheNodeAndItsVip) {
    const config::Document document = home();
    const auto plan = make_plan(document, &document.nodes[0]);
    ASSERT_TRUE(plan);
    const std::vector<Listening> all{
        {{IpAddress::v4(10, 0, 0, 11), 80}, Security::kPlain},
        {{IpAddress::v4(10, 0, 0, 100), 80}, Security::kPlain},
        {{IpAddress::v4(10, 0, 0, 11), 443}, Security::kTls},
        {{IpAddress::v4(10, 0, 0, 100), 443}, Security::kTls},
    };
    EXPECT_EQ(plan->listen, all);
}

TEST(Plan, TheLocalCaCertifiesFullNames) {
    config::Document document = home();
    auto plan = make_plan(document, &document.nodes[0]);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->local_names,
              (std::set<std::string>{"ha.home", "hearth.home", "home-assistant.home", "pi4.home"}));
    document.proxy.tls.local_ca = false;
    plan = make_plan(document, &document.nodes[0]);
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->local_names.empty());
    EXPECT_EQ(plan->listen,
              plain({{IpAddress::v4(10, 0, 0, 11), 80}, {IpAddress::v4(10, 0, 0, 100), 80}}));
}

TEST(Plan, CertificatesOpenHttps) {
    config::Document document = home();
    document.proxy.tls.certificates = {{"/tls/home.pem", "/tls/home.key"}};
    document.services[0].https = config::HttpsUse::kOptional;
    const auto plan = make_plan(document, &document.nodes[0]);
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->listen.size(), 4U);
    EXPECT_EQ(plan->listen[3], (Listening{{IpAddress::v4(10, 0, 0, 100), 443}, Security::kTls}));
    EXPECT_EQ(plan->snapshot->https_port, 443);
    EXPECT_EQ(plan->snapshot->services[0].plain_http, PlainHttp::kServe);
    EXPECT_EQ(plan->certificates,
              (std::vector<CertificateFiles>{{"/tls/home.pem", "/tls/home.key"}}));
}

TEST(Plan, HttpsIsNeverOpenedBesideAListenThatDoesNotNameIt) {
    config::Document document = home();
    document.proxy.tls.certificates = {{"/tls/home.pem", "/tls/home.key"}};
    document.proxy.listen = {{IpAddress::v4(127, 0, 0, 1), 8080}};
    auto plan = make_plan(document, nullptr);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->listen, plain(document.proxy.listen));
    document.proxy.listen_https = {{IpAddress::v4(127, 0, 0, 1), 8443}};
    plan = make_plan(document, nullptr);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->listen.size(), 2U);
    EXPECT_EQ(plan->snapshot->https_port, 8443);
}

TEST(Plan, ListenReplacesThem) {
    config::Document document = home();
    document.proxy.listen = {{IpAddress::v4(127, 0, 0, 1), 8080}};
    const auto plan = make_plan(document, nullptr);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->listen, plain(document.proxy.listen));
}

TEST(Plan, AMachineThatIsNoNodeIsToldWhatToDo) {
    const auto plan = make_plan(home(), nullptr);
    ASSERT_FALSE(plan);
    EXPECT_NE(plan.error().to_string().find("--node"), std::string::npos);
}

TEST(Plan, EveryNameOfAServiceIsAHost) {
    const config::Document document = home();
    const auto plan = make_plan(document, &document.nodes[0]);
    ASSERT_TRUE(plan);
    const Service& service = plan->snapshot->services[0];
    EXPECT_EQ(service.hosts,
              (std::vector<std::string>{"home-assistant.home", "home-assistant", "ha.home", "ha"}));
    EXPECT_EQ(service.upstreams[0].port, 8123);
    EXPECT_EQ(plan->snapshot->router.find("HA.home:80", "/").service, 0U);
}

}  // namespace
}  // namespace hearth::proxy
