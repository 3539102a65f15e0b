#include "lb/bind/plan.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace hearth::lb {
namespace {

const IpAddress kDnsVip = IpAddress::v4(10, 0, 0, 53);
const IpAddress kProxyVip = IpAddress::v4(10, 0, 0, 100);
const IpAddress kA = IpAddress::v4(10, 0, 0, 11);
const IpAddress kB = IpAddress::v4(10, 0, 0, 12);
const IpAddress kC = IpAddress::v4(10, 0, 0, 13);

constexpr const char* kHead =
    "version: 1\ndomain: home\nlan: [10.0.0.0/24]\n"
    "nodes: {a: 10.0.0.11, b: 10.0.0.12, c: {address: 10.0.0.13, interface: eth7}}\n";
constexpr const char* kUsual =
    "vips:\n  dns: {address: 10.0.0.53, prefer: [a, b]}\n"
    "  proxy: {address: 10.0.0.100, prefer: [b, a]}\n"
    "dns: {vip: dns, upstreams: [9.9.9.9]}\nproxy: {vip: proxy}\n";

config::Document read(const std::string& text) {
    std::vector<config::Source> sources;
    sources.emplace_back("hearth.yaml", text);
    const config::LoadOptions in_process{config::Parsing::kInProcess, {}};
    auto loaded = config::load_sources(std::move(sources), "/etc/hearth", in_process);
    EXPECT_TRUE(loaded) << config::render(loaded.findings);
    return loaded ? *loaded.document : config::Document{};
}

config::Document document(const std::string& rest) { return read(kHead + rest); }

Plan plan_for(const std::string& node, const std::string& rest = kUsual) {
    auto plan = make_plan(document(rest), node, {});
    EXPECT_TRUE(plan) << plan.error().to_string();
    return plan ? *plan : Plan{};
}

TEST(Plan, CandidatesInOrderOfPreference) {
    const Plan plan = plan_for("a");
    ASSERT_EQ(plan.lan.links.at(0).routers.size(), 2U);
    const auto& dns = plan.lan.links.at(0).routers[0];
    EXPECT_EQ(dns.vips, (std::vector<Vip>{{"dns", kDnsVip, 53}}));
    EXPECT_EQ(dns.vrid, 53);
    EXPECT_EQ(dns.priority, 200);
    EXPECT_EQ(dns.nodes, std::vector{kB});
    EXPECT_EQ(dns.interval, 100ms);
    EXPECT_EQ(dns.preempt_delay, 10s);
    EXPECT_EQ(dns.watched, std::vector{Daemon::kDns});
    const auto& proxy = plan.lan.links.at(0).routers[1];
    EXPECT_EQ(proxy.priority, 190);
    EXPECT_EQ(proxy.watched, std::vector{Daemon::kProxy});
}

TEST(Plan, SyncGroupsAreOneRouterWithSeveralNumbers) {
    const Plan plan = plan_for(
        "a",
        "vips:\n  dns: {address: 10.0.0.53, prefer: [a, b], sync_group: front, preempt: false,"
        " track: [{interface: wan0, lower_by: 20}]}\n"
        "  proxy: {address: 10.0.0.100, prefer: [a, b], sync_group: front, preempt: false,"
        " track: [{interface: wan0, lower_by: 20}]}\n"
        "dns: {vip: dns, upstreams: [9.9.9.9]}\nproxy: {vip: proxy}\n");
    ASSERT_EQ(plan.lan.links.at(0).routers.size(), 1U);
    const auto& router = plan.lan.links.at(0).routers[0];
    EXPECT_EQ(router.vips, (std::vector<Vip>{{"dns", kDnsVip, 53}, {"proxy", kProxyVip, 100}}));
    EXPECT_EQ(router.watched, (std::vector{Daemon::kDns, Daemon::kProxy}));
    EXPECT_EQ(router.preemption, Preemption::kNever);
    EXPECT_EQ(router.tracks, (std::vector<Track>{{"interface wan0", 20}}));
}

TEST(Plan, TrackedPortsAreThoseOfTheNodeItself) {
    const std::string rest =
        "vips:\n  dns: {address: 10.0.0.53, prefer: [a, b], track: [{tcp: 1883, every: 500ms}, "
        "{tcp: \"[::1]:80\", lower_by: 5}, {script: /bin/true}]}\n";
    const Plan plan = plan_for("a", rest);
    const std::string often = " every 500 ms, timeout 1000 ms, rise 2, fall 3";
    const std::string usual = " every 2000 ms, timeout 1000 ms, rise 2, fall 3";
    EXPECT_EQ(plan.lan.links.at(0).routers.at(0).tracks,
              (std::vector<Track>{{"tcp 1883" + often, 100},
                                  {"tcp [::1]:80" + usual, 5},
                                  {"script /bin/true" + usual, 100}}));
    ASSERT_EQ(plan.tracked.size(), 3U);
    const CheckTarget& own = plan.tracked.at("tcp 1883" + often);
    EXPECT_EQ(own.endpoint, (Endpoint{kA, 1883}));
    EXPECT_EQ(own.check.kind, BackendCheck::Kind::kTcp);
    EXPECT_EQ(own.check.interval, 500ms);
    EXPECT_EQ(plan.tracked.at("tcp [::1]:80" + usual).endpoint, *Endpoint::parse("[::1]:80"));
    EXPECT_TRUE(plan_for("c", rest).tracked.empty());
}

TEST(Plan, VipsBelongToTheNetworkTheyAreOn) {
    const auto loaded = read(
        "version: 1\ndomain: home\nlan: [10.0.0.0/24, 10.0.20.0/24]\n"
        "nodes:\n  a: {address: 10.0.0.11, links: [{address: 10.0.20.11, interface: eth0.20}]}\n"
        "  b: {address: 10.0.0.12, links: [10.0.20.12]}\n"
        "vips:\n  dns: {address: 10.0.0.53}\n  iot: {address: 10.0.20.53, prefer: [b, a]}\n"
        "services: {mqtt: {vip: iot, ports: {tcp/1883: [10.0.20.11]}}}\n");
    const auto plan = make_plan(loaded, "a", {});
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->lan.links.size(), 2U);
    const LinkSettings& first = plan->lan.links[0];
    const LinkSettings& second = plan->lan.links[1];
    const IpAddress here = IpAddress::v4(10, 0, 20, 11);
    const IpAddress there = IpAddress::v4(10, 0, 20, 12);
    EXPECT_EQ(first.address, kA);
    EXPECT_EQ(first.routers.at(0).nodes, std::vector{kB});
    EXPECT_EQ(second.address, here);
    EXPECT_EQ(second.interface, "eth0.20");
    ASSERT_EQ(second.routers.size(), 1U);
    EXPECT_EQ(second.routers[0].vrid, 53) << "as on the other network";
    EXPECT_EQ(second.routers[0].nodes, std::vector{there});
    EXPECT_EQ(second.others.at(kB), there);
    EXPECT_EQ(plan->names.at(there), "b");
    EXPECT_EQ(plan->lan.forwarding, LanSettings::Forwarding::kAsItIs) << "the backend is here";
}

TEST(Plan, NodeThatIsNoCandidateHoldsNothing) {
    const Plan plan = plan_for("c");
    EXPECT_TRUE(plan.lan.links.at(0).routers.empty());
    EXPECT_TRUE(plan.ports.vips.empty());
    EXPECT_TRUE(plan.watched.empty());
    EXPECT_EQ(plan.lan.links.at(0).interface, "eth7");
    EXPECT_EQ(plan.vips.size(), 2U) << "but it can be told who does";
}

TEST(Plan, NodeIsFoundByItsAddress) {
    const auto doc = document(kUsual);
    EXPECT_EQ(make_plan(doc, "", {kProxyVip, kB})->node, "b");
    const auto nowhere = make_plan(doc, "", {kProxyVip});
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code, Errc::kNotFound);
    EXPECT_FALSE(make_plan(doc, "d", {}));
}

TEST(Plan, MachineOutsideADocumentWithoutVipsHasNothingToDo) {
    const auto plan = make_plan(document("dns: {upstreams: [9.9.9.9]}\n"), "", {});
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->node.empty());
}

TEST(Plan, OnlyNamedPortsAreOpen) {
    const Plan plan = plan_for("a");
    EXPECT_EQ(plan.ports.vips, (std::set<IpAddress>{kDnsVip, kProxyVip}));
    EXPECT_EQ(plan.ports.open, (std::set<OpenPort>{{kDnsVip, Transport::kUdp, 53},
                                                   {kDnsVip, Transport::kTcp, 53},
                                                   {kProxyVip, Transport::kTcp, 80},
                                                   {kProxyVip, Transport::kTcp, 443}}));
}

TEST(Plan, EncryptedDnsIsOpenWithACertificate) {
    const Plan plan = plan_for("a",
                               "vips: {dns: {address: 10.0.0.53, prefer: [a, b]}}\n"
                               "dns: {vip: dns, upstreams: [9.9.9.9], https: 4443, tls: "
                               "{certificate: /etc/x.pem, key: /etc/x.key}}\n");
    EXPECT_EQ(plan.ports.open, (std::set<OpenPort>{{kDnsVip, Transport::kUdp, 53},
                                                   {kDnsVip, Transport::kTcp, 53},
                                                   {kDnsVip, Transport::kTcp, 853},
                                                   {kDnsVip, Transport::kTcp, 4443}}));
}

TEST(Plan, TheProxyTakesDnsOverHttpsAtTheNameServersAddress) {
    const std::string vips =
        "vips: {dns: {address: 10.0.0.53, prefer: [a, b]}, proxy: {address: 10.0.0.100}}\n"
        "proxy: {vip: proxy}\n"
        "services: {web: {upstream: \"http://b:8080\"}}\n";
    const OpenPort https{kDnsVip, Transport::kTcp, 443};
    const Plan both = plan_for("a", vips + "dns: {vip: dns, upstreams: [9.9.9.9]}\n");
    EXPECT_TRUE(both.ports.open.contains(https));
    const Plan none = plan_for(
        "a", vips.substr(0, vips.find("services")) + "dns: {vip: dns, upstreams: [9.9.9.9]}\n");
    EXPECT_FALSE(none.ports.open.contains(https)) << "without a service there is no proxy";
}

TEST(Plan, ListenReplacesTheStandardPorts) {
    const Plan plan =
        plan_for("a",
                 "vips: {one: {address: 10.0.0.53, prefer: [a, b]}}\n"
                 "dns: {listen: [\"10.0.0.53:5353\", \"127.0.0.1:5300\"], upstreams: [9.9.9.9]}\n"
                 "proxy: {vip: one, http: 8080, tls: {local_ca: false}}\n");
    EXPECT_EQ(plan.ports.open, (std::set<OpenPort>{{kDnsVip, Transport::kUdp, 5353},
                                                   {kDnsVip, Transport::kTcp, 5353},
                                                   {kDnsVip, Transport::kTcp, 8080}}));
    ASSERT_EQ(plan.lan.links.at(0).routers.size(), 1U);
    EXPECT_EQ(plan.lan.links.at(0).routers[0].watched, (std::vector{Daemon::kDns, Daemon::kProxy}));
    ASSERT_EQ(plan.watched.size(), 2U);
    EXPECT_EQ(plan.watched[0].dns, (Endpoint{kDnsVip, 5353}));
    EXPECT_EQ(plan.watched[1].dns, std::nullopt);
}

TEST(Plan, VipsUnderOneVridMoveTogether) {
    const Plan plan = plan_for("b",
                               "vips:\n  one: {address: 10.0.0.53, prefer: [a, b], vrid: 9}\n"
                               "  two: {address: 10.0.0.20, prefer: [a, b], vrid: 9}\n"
                               "dns: {vip: one, upstreams: [9.9.9.9]}\nproxy: {vip: two}\n");
    ASSERT_EQ(plan.lan.links.at(0).routers.size(), 1U);
    const auto& router = plan.lan.links.at(0).routers[0];
    EXPECT_EQ(router.vips,
              (std::vector<Vip>{{"two", IpAddress::v4(10, 0, 0, 20), 9}, {"one", kDnsVip, 9}}));
    EXPECT_EQ(router.watched, (std::vector{Daemon::kDns, Daemon::kProxy}));
}

TEST(Plan, ServiceOnPortsHasAVipOfItsOwn) {
    const std::string service =
        "services: {mqtt: {vip: 10.0.0.101, ports: {tcp/1883: [a, \"b:2883\"]}}}\n";
    const Plan plan = plan_for("c", service);
    const IpAddress vip = IpAddress::v4(10, 0, 0, 101);
    const OpenPort port{vip, Transport::kTcp, 1883};
    ASSERT_EQ(plan.vips, (std::vector<Vip>{{"mqtt", vip}}));
    ASSERT_EQ(plan.lan.links.at(0).routers.size(), 1U);
    EXPECT_EQ(plan.lan.links.at(0).routers[0].nodes, (std::vector{kA, kB}));
    EXPECT_EQ(plan.ports.passing, std::set{port});
    EXPECT_TRUE(plan.ports.open.empty());
    BalancedService expected;
    expected.name = "mqtt";
    expected.port = port;
    expected.balancing.backends = {{{kA, 1883}, 1}, {{kB, 2883}, 1}};
    EXPECT_EQ(plan.services, std::vector{expected});
    EXPECT_EQ(plan.lan.forwarding, LanSettings::Forwarding::kNeeded);
}

TEST(Plan, ServiceMayShareAVipAndNeedNoForwarding) {
    const std::string rest =
        "services: {mqtt: {vip: 10.0.0.53, ports: {udp/1883: a}, balance: source-hash}}\n";
    const Plan plan = plan_for("a", kUsual + rest);
    const OpenPort port{kDnsVip, Transport::kUdp, 1883};
    EXPECT_EQ(plan.vips.size(), 2U);
    EXPECT_TRUE(plan.ports.passing.contains(port));
    ASSERT_EQ(plan.services.size(), 1U);
    EXPECT_EQ(plan.services[0].balancing.balance, Balance::kSourceHash);
    EXPECT_EQ(plan.lan.forwarding, LanSettings::Forwarding::kAsItIs);
    EXPECT_TRUE(plan_for("c", kUsual + rest).services.empty()) << "no candidate";
}

TEST(Plan, ForeignPeersAndTimersAreTakenOver) {
    const Plan plan = plan_for("a",
                               "vips: {one: {address: 10.0.0.53, advert_interval: 1s, "
                               "preempt_delay: 0s, foreign_peers: [10.0.0.1]}}\n");
    const auto& router = plan.lan.links.at(0).routers[0];
    EXPECT_EQ(router.interval, 1s);
    EXPECT_EQ(router.preempt_delay, 0s);
    EXPECT_EQ(router.foreign_peers, std::vector{IpAddress::v4(10, 0, 0, 1)});
    EXPECT_EQ(router.nodes, (std::vector{kB, kC})) << "every node when `prefer` is not given";
    EXPECT_TRUE(router.watched.empty());
}

TEST(Plan, ServiceThatKeepsClientAddressesIsServedByItsOwnerAlone) {
    const std::string service =
        "services: {sip: {vip: 10.0.0.101, ports: {udp/5060: [a, b], udp/8000-8002: [a, b]}, "
        "keep_client_address: true, affinity: 5m, allow: 10.0.0.0/25}}\n";
    const Plan plan = plan_for("b", service);
    ASSERT_EQ(plan.services.size(), 2U);
    const Balancing& range = plan.services[1].balancing;
    EXPECT_EQ(range.backends, (std::vector<Backend>{{{kB, 8000}, 1}}));
    EXPECT_EQ(range.last_port, 8002);
    EXPECT_EQ(range.affinity, 300s);
    EXPECT_EQ(range.allow.size(), 1U);
    EXPECT_EQ(plan.ports.passing.size(), 4U);
    EXPECT_EQ(plan.lan.forwarding, LanSettings::Forwarding::kAsItIs);
    EXPECT_TRUE(plan_for("c", service).lan.links.at(0).routers.empty()) << "c has no backend";
}

TEST(Plan, BackendsHaveWeightsAreDrainedAndAsked) {
    const Plan plan = plan_for(
        "a",
        "services: {web: {vip: 10.0.0.101, ports: {tcp/80: [{to: a, weight: 3}, {to: \"b:81\", "
        "drain: true}]}, check: {kind: http, path: /up, interval: 5s, fall: 1}}}\n");
    ASSERT_EQ(plan.services.size(), 1U);
    const BalancedService& web = plan.services[0];
    EXPECT_EQ(web.balancing.backends[0].weight, 3);
    EXPECT_EQ(web.drained, (std::set<Endpoint>{{kB, 81}}));
    ASSERT_TRUE(web.check);
    EXPECT_EQ(web.check->kind, BackendCheck::Kind::kHttp);
    EXPECT_EQ(web.check->path, "/up");
    EXPECT_EQ(web.check->interval, 5s);
    EXPECT_EQ(web.check->fall, 1U);
}

}  // namespace
}  // namespace hearth::lb
