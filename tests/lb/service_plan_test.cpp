#include "lb/core/service_plan.h"

#include <gtest/gtest.h>

namespace hearth::lb {
namespace {

using Kind = ServiceOperation::Kind;
using Shape = InstalledRules::Shape;

const IpAddress kVip = IpAddress::v4(10, 0, 0, 101);
const OpenPort kMqtt{kVip, Transport::kTcp, 1883};
const OpenPort kSip{IpAddress::v4(10, 0, 0, 102), Transport::kUdp, 5060};
const Endpoint kA{IpAddress::v4(10, 0, 0, 11), 1883};
const Endpoint kB{IpAddress::v4(10, 0, 0, 12), 1883};
const Balancing kBoth{Balance::kRandom, {kA, kB}};
const Balancing kOnlyA{Balance::kRandom, {kA}};

std::vector<Kind> kinds(const std::vector<ServiceOperation>& operations) {
    std::vector<Kind> list;
    for (const auto& operation : operations) list.push_back(operation.kind);
    return list;
}

InstalledServices installed(const BalancedPorts& ports) {
    InstalledServices services{Shape::kCurrent, {}};
    for (const auto& [port, balancing] : ports) services.chains[port] = chain_name(port, balancing);
    return services;
}

TEST(ServicePlan, ChainNameTellsAllThatIsInIt) {
    const std::string name = chain_name(kMqtt, kBoth);
    EXPECT_EQ(name, chain_name(kMqtt, kBoth));
    EXPECT_LT(name.size(), 32U) << "older kernels allow no more";
    EXPECT_NE(name, chain_name(kSip, kBoth));
    EXPECT_NE(name, chain_name(kMqtt, kOnlyA));
    EXPECT_NE(name, chain_name(kMqtt, {Balance::kRandom, {kB, kA}}));
    EXPECT_NE(name, chain_name(kMqtt, {Balance::kSourceHash, {kA, kB}}));
    EXPECT_NE(name, chain_name({kVip, Transport::kUdp, 1883}, kBoth));
}

TEST(ServicePlan, ChainNameEndsInItsNumberOfRules) {
    EXPECT_EQ(rules_in(chain_name(kMqtt, kBoth)), 2U);
    EXPECT_EQ(rules_in(chain_name(kMqtt, kOnlyA)), 1U);
    for (const char* other : {"", "services", "to-", "to-x", "to-00-1x", "to-00--"})
        EXPECT_EQ(rules_in(other), 0U) << other;
}

TEST(ServicePlan, NothingIsDoneWhenNothingDiffers) {
    const BalancedPorts ports{{kMqtt, kBoth}, {kSip, kOnlyA}};
    EXPECT_TRUE(plan_services(installed(ports), ports).empty());
    EXPECT_TRUE(plan_services({}, {}).empty());
}

TEST(ServicePlan, FirstServiceMakesTheTable) {
    const auto plan = plan_services({}, {{kMqtt, kBoth}});
    EXPECT_EQ(kinds(plan),
              (std::vector{Kind::kCreateTable, Kind::kAddChain, Kind::kAddPort, Kind::kAddVip}));
    EXPECT_EQ(plan[1].balancing, kBoth);
    EXPECT_EQ(plan[3].port.vip, kVip);
}

TEST(ServicePlan, OneBackendLessTouchesItsPortOnly) {
    BalancedPorts ports;
    for (std::uint16_t port = 1; port <= 1000; ++port) ports[{kVip, Transport::kTcp, port}] = kBoth;
    const auto before = installed(ports);
    ports[kMqtt] = kBoth;
    ports[{kVip, Transport::kTcp, 7}] = kOnlyA;
    ports.erase(kMqtt);
    const auto plan = plan_services(before, ports);
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kRemovePort, Kind::kRemoveChain, Kind::kAddChain,
                                        Kind::kAddPort}));
    for (const auto& operation : plan) EXPECT_EQ(operation.port.port, 7);
}

TEST(ServicePlan, ServiceThatGoesTakesItsVipAlong) {
    const auto plan = plan_services(installed({{kMqtt, kBoth}, {kSip, kOnlyA}}), {{kMqtt, kBoth}});
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kRemovePort, Kind::kRemoveChain, Kind::kRemoveVip}));
    EXPECT_EQ(plan[2].port.vip, kSip.vip);
}

TEST(ServicePlan, DamagedTableIsReplacedInOneGo) {
    const auto plan = plan_services({Shape::kDamaged, {}}, {{kMqtt, kOnlyA}});
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kDeleteTable, Kind::kCreateTable, Kind::kAddChain,
                                        Kind::kAddPort, Kind::kAddVip}));
}

TEST(ServicePlan, WithoutServicesThereIsNoTable) {
    EXPECT_EQ(kinds(plan_services(installed({{kMqtt, kOnlyA}}), {})),
              std::vector{Kind::kDeleteTable});
}

}  // namespace
}  // namespace hearth::lb
