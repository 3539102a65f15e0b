#include "lb/bind/plan_diff.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "config/use_assignments.h"

namespace hearth::lb {
namespace {

using Action = PlanChange::Action;

Plan plan_of(const std::string& rest, const std::string& node = "a") {
    const std::string head =
        "lan: [10.0.0.0/24]\nnodes: {a: 10.0.0.11, b: 10.0.0.12}\n"
        "pools: {home: 10.0.0.240/28}\n";
    std::vector<config::Source> sources;
    sources.emplace_back("hearth.yaml", head + rest);
    auto loaded = config::load_sources(sources, "/etc/hearth", {config::Parsing::kInProcess, {}});
    EXPECT_TRUE(loaded) << config::render(loaded.findings);
    if (!loaded) return {};
    config::use_assignments(*loaded.document, {{"mqtt", IpAddress::v4(10, 0, 0, 241), 1, 1}});
    auto plan = make_plan(*loaded.document, node, {});
    EXPECT_TRUE(plan) << plan.error().to_string();
    return plan ? *plan : Plan{};
}

constexpr const char* kMqtt = "services: {mqtt: {vip: auto, ports: {tcp/1883: [a, b]}}}\n";

TEST(PlanDiff, TheSamePlanHasNoChanges) {
    EXPECT_TRUE(compare_plans(plan_of(kMqtt), plan_of(kMqtt)).empty());
}

TEST(PlanDiff, AServiceWithItsAddressComesAndGoes) {
    const Plan none = plan_of("");
    const Plan some = plan_of(kMqtt);
    const auto added = compare_plans(none, some);
    ASSERT_EQ(added.size(), 2U);
    EXPECT_EQ(added[0].kind, "vip");
    EXPECT_EQ(added[0].subject, "mqtt 10.0.0.241");
    EXPECT_EQ(added[1], (PlanChange{Action::kAdd, "service", "mqtt 10.0.0.241 tcp/1883",
                                    "10.0.0.11:1883 10.0.0.12:1883"}));
    const auto removed = compare_plans(some, none);
    ASSERT_EQ(removed.size(), 2U);
    EXPECT_EQ(removed[0].action, Action::kRemove);
    EXPECT_EQ(removed[1].action, Action::kRemove);
}

TEST(PlanDiff, BackendsAreToldOneByOne) {
    const auto changes = compare_plans(
        plan_of(kMqtt),
        plan_of("services: {mqtt: {vip: auto, check: tcp, ports: {tcp/1883: [{to: a, weight: 2}, "
                "{to: 10.0.0.30, drain: true}]}}}\n"));
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].action, Action::kChange);
    EXPECT_EQ(changes[0].detail,
              "check none -> tcp every 2000ms within 1000ms rise 2 fall 3, -10.0.0.12:1883, "
              "~10.0.0.11:1883 weight 1 -> weight 2, +10.0.0.30:1883");
}

TEST(PlanDiff, OneThatIsNoCandidateAnyMoreIsTold) {
    const auto changes = compare_plans(plan_of("vips: {dns: 10.0.0.53}\ndns: {vip: dns}\n"),
                                       plan_of("vips: {dns: {address: 10.0.0.53, prefer: b}}\n"
                                               "dns: {vip: dns}\n"));
    ASSERT_EQ(changes.size(), 3U);
    EXPECT_EQ(changes[0].detail, "this node is no candidate any more");
    EXPECT_EQ(changes[1], (PlanChange{Action::kRemove, "port", "10.0.0.53 tcp/53",
                                      "answered by a daemon of this node"}));
}

}  // namespace
}  // namespace hearth::lb
