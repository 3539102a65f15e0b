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
const Endpoint kC{IpAddress::v4(10, 0, 0, 13), 1883};

Balancing balancing(std::vector<Endpoint> backends, Balance balance = Balance::kRandom) {
    Balancing one;
    one.balance = balance;
    for (const Endpoint& backend : backends) one.backends.push_back({backend, 1});
    return one;
}

const Balancing kBoth = balancing({kA, kB});
const Balancing kOnlyA = balancing({kA});

ServiceProgram program(const BalancedPorts& ports, const Away& away = {}) {
    ServiceProgram all;
    for (const auto& [port, one] : ports) all[port] = program_of(port, one, away);
    return all;
}

std::string entry(const OpenPort& port, const Balancing& one) {
    return program_of(port, one, {}).chains.back().name;
}

// What the kernel has after it took `operations`; none may add what is there or remove what is not.
InstalledServices after(InstalledServices installed, const std::vector<ServiceOperation>& plan) {
    for (const auto& one : plan) {
        if (one.kind == Kind::kAddChain) {
            EXPECT_FALSE(installed.chains.contains(one.chain.name));
        }
        if (one.kind == Kind::kAddPort) {
            EXPECT_FALSE(installed.ports.contains(one.port));
            EXPECT_TRUE(installed.chains.contains(one.chain.name));
        }
        if (one.kind == Kind::kRemovePort) {
            EXPECT_EQ(installed.ports.at(one.port), one.chain.name);
        }
        for (const auto& change : one.slots) {
            const Slots& slots = installed.slots[one.port];
            EXPECT_EQ(change.slot < slots.size() ? slots[change.slot] : std::nullopt,
                      change.before);
        }
        installed.record(one);
    }
    return installed;
}

InstalledServices installed(const ServiceProgram& desired) {
    return after({}, plan_services({}, desired));
}

std::vector<Kind> kinds(const std::vector<ServiceOperation>& operations) {
    std::vector<Kind> list;
    for (const auto& operation : operations) list.push_back(operation.kind);
    return list;
}

TEST(ServicePlan, PortsThatAreBalancedAlikeShareAChain) {
    EXPECT_EQ(entry(kMqtt, kBoth), "random-24");
    EXPECT_EQ(entry(kSip, balancing({kB, kC})), "random-24");
    EXPECT_EQ(entry(kMqtt, balancing({kA, kB}, Balance::kSourceHash)), "hash-24");
    EXPECT_EQ(entry(kMqtt, kOnlyA), "random-1");
}

TEST(ServicePlan, TurnsCountForEachPortAlone) {
    const auto turns = balancing({kA, kB}, Balance::kRoundRobin);
    EXPECT_NE(entry(kMqtt, turns), entry(kSip, turns));
}

TEST(ServicePlan, ChainNameTellsItsNumberOfRules) {
    Balancing one = kBoth;
    EXPECT_EQ(rules_in(entry(kMqtt, one)), 1U);
    one.affinity = 1800s;
    EXPECT_EQ(entry(kMqtt, one), "random-24-for-1800");
    EXPECT_EQ(rules_in(entry(kMqtt, one)), 2U);
    one.allow = {*IpPrefix::parse("10.0.0.0/24"), *IpPrefix::parse("10.42.0.0/16")};
    const auto gated = program_of(kMqtt, one, {});
    ASSERT_EQ(gated.chains.size(), 2U);
    EXPECT_EQ(gated.chains[1].next, "random-24-for-1800");
    EXPECT_EQ(rules_in(gated.chains[1].name), 2U);
    for (const char* other : {"", "services", "output", "allow-", "allow-x", "allow-00-1x"})
        EXPECT_EQ(rules_in(other), 0U) << other;
}

TEST(ServicePlan, NothingIsDoneWhenNothingDiffers) {
    const auto desired = program({{kMqtt, kBoth}, {kSip, kOnlyA}});
    EXPECT_TRUE(plan_services(installed(desired), desired).empty());
    EXPECT_TRUE(plan_services({}, {}).empty());
}

TEST(ServicePlan, FirstServiceMakesTheTable) {
    const auto plan = plan_services({}, program({{kMqtt, kBoth}}));
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kCreateTable, Kind::kAddChain, Kind::kChangeSlots,
                                        Kind::kAddPort, Kind::kAddVip}));
    EXPECT_EQ(plan[2].slots.size(), 24U);
    EXPECT_EQ(plan[4].port.vip, kVip);
}

TEST(ServicePlan, BackendThatIsAwayIsSlotsOfItsPortAndNoMore) {
    BalancedPorts ports;
    for (std::uint16_t port = 1; port <= 1000; ++port) ports[{kVip, Transport::kTcp, port}] = kBoth;
    const auto before = installed(program(ports));
    const OpenPort seventh{kVip, Transport::kTcp, 7};
    const auto without = program_of(seventh, kBoth, {kB});
    const auto plan = plan_port(before, seventh, without);
    ASSERT_EQ(kinds(plan), std::vector{Kind::kChangeSlots});
    EXPECT_EQ(plan[0].port, seventh);
    EXPECT_EQ(plan[0].slots.size(), 12U);
    EXPECT_TRUE(plan_port(after(before, plan), seventh, without).empty());
}

TEST(ServicePlan, NobodyThereLeavesThePortAndEmptiesItsSlots) {
    const auto before = installed(program({{kMqtt, kBoth}}));
    const auto plan = plan_services(before, program({{kMqtt, kBoth}}, {kA, kB}));
    ASSERT_EQ(kinds(plan), std::vector{Kind::kChangeSlots});
    for (const auto& change : plan[0].slots) EXPECT_FALSE(change.after);
    EXPECT_TRUE(after(before, plan).slots.empty());
}

TEST(ServicePlan, AnotherBackendInThePlaceOfOneTouchesItsSlots) {
    const auto plan = plan_services(installed(program({{kMqtt, kBoth}, {kSip, kBoth}})),
                                    program({{kMqtt, balancing({kA, kC})}, {kSip, kBoth}}));
    ASSERT_EQ(kinds(plan), std::vector{Kind::kChangeSlots});
    EXPECT_EQ(plan[0].port, kMqtt);
    EXPECT_EQ(plan[0].slots.size(), 12U);
}

TEST(ServicePlan, RangeIsManyPortsWithOneSetOfSlots) {
    Balancing range = kBoth;
    range.last_port = 8010;
    const OpenPort first{kVip, Transport::kUdp, 8000};
    const auto desired = program({{first, range}});
    const auto made = installed(desired);
    EXPECT_EQ(made.ports.size(), 11U);
    EXPECT_EQ(made.ports.at({kVip, Transport::kUdp, 8010}), "random-24-8000");
    EXPECT_EQ(made.slots.size(), 1U);
    EXPECT_TRUE(plan_services(made, desired).empty());
    range.last_port = 8005;
    const auto plan = plan_services(made, program({{first, range}}));
    EXPECT_EQ(kinds(plan), std::vector(5, Kind::kRemovePort));
}

TEST(ServicePlan, ServiceThatGoesTakesItsVipAlong) {
    const auto desired = program({{kMqtt, kBoth}});
    const auto before = installed(program({{kMqtt, kBoth}, {kSip, kOnlyA}}));
    const auto plan = plan_services(before, desired);
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kRemovePort, Kind::kChangeSlots, Kind::kRemoveVip}));
    EXPECT_EQ(plan[2].port.vip, kSip.vip);
    EXPECT_EQ(unused_chains(after(before, plan), desired), std::vector<std::string>{"random-1"});
}

TEST(ServicePlan, AnythingBecomesAnythingElse) {
    Balancing odd = balancing({kC, kB, kA}, Balance::kRoundRobin);
    odd.affinity = 60s;
    odd.allow = {*IpPrefix::parse("10.0.0.0/24")};
    Balancing range = kOnlyA;
    range.last_port = 1890;
    const std::vector<ServiceProgram> all{
        program({{kMqtt, kBoth}}), program({{kMqtt, odd}, {kSip, kBoth}}),
        program({{kMqtt, range}}), program({{{kVip, Transport::kTcp, 1885}, kBoth}, {kSip, odd}}),
        program({{kMqtt, balancing({kA, kB}, Balance::kSourceHash)}, {kSip, kOnlyA}}, {kA})};
    for (const auto& from : all)
        for (const auto& to : all) {
            const auto made = after(installed(from), plan_services(installed(from), to));
            EXPECT_TRUE(plan_services(made, to).empty());
        }
}

TEST(ServicePlan, DamagedTableIsReplaced) {
    InstalledServices damaged;
    damaged.shape = Shape::kDamaged;
    const auto plan = plan_services(damaged, program({{kMqtt, kOnlyA}}));
    EXPECT_EQ(kinds(plan), (std::vector{Kind::kDeleteTable, Kind::kCreateTable, Kind::kAddChain,
                                        Kind::kChangeSlots, Kind::kAddPort, Kind::kAddVip}));
}

TEST(ServicePlan, AtTheEndTheTableStaysForThoseWhoUseIt) {
    const ServiceProgram wanted = program({{kMqtt, kBoth}, {kSip, kOnlyA}});
    const InstalledServices full = after({}, plan_services({}, wanted));
    const InstalledServices kept = after(full, plan_end(full));
    EXPECT_TRUE(kept.ports.empty());
    EXPECT_EQ(kept.slots, full.slots);
    EXPECT_EQ(after(kept, plan_services(kept, wanted)), full) << "as a crashed instance's";
}

TEST(ServicePlan, WithoutServicesThereIsNoTable) {
    EXPECT_EQ(kinds(plan_services(installed(program({{kMqtt, kOnlyA}})), {})),
              std::vector{Kind::kDeleteTable});
}

}  // namespace
}  // namespace hearth::lb
