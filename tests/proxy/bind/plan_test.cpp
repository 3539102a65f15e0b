#include "proxy/bind/plan.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

config::Document home() {
    config::Document document;
    document.lan = {*IpPrefix::parse("10.0.0.0/24")};
    document.nodes = {{"pi4", IpAddress::v4(10, 0, 0, 11), ""}};
    document.vips.resize(1);
    document.vips[0].name = "proxy";
    document.vips[0].address = IpAddress::v4(10, 0, 0, 100);
    document.proxy.vip = "proxy";
    config::Service service;
    service.name = "Home-Assistant";
    service.aliases = {"ha"};
    service.upstreams = {{"pi4", IpAddress::v4(10, 0, 0, 11), 8123, "http://pi4:8123"}};
    document.services = {service};
    return document;
}

TEST(Plan, ListensOnTheNodeAndItsVip) {
    const config::Document document = home();
    const auto plan = make_plan(document, &document.nodes[0]);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->listen, (std::vector<Endpoint>{{IpAddress::v4(10, 0, 0, 11), 80},
                                                   {IpAddress::v4(10, 0, 0, 100), 80}}));
}

TEST(Plan, ListenReplacesThem) {
    config::Document document = home();
    document.proxy.listen = {{IpAddress::v4(127, 0, 0, 1), 8080}};
    const auto plan = make_plan(document, nullptr);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->listen, document.proxy.listen);
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
    EXPECT_EQ(plan->snapshot->router.find("HA.home:80"), 0U);
}

}  // namespace
}  // namespace hearth::proxy
