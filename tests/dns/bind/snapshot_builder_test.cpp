#include "dns/bind/snapshot_builder.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "dns/core/local_answer.h"

namespace hearth::dns {
namespace {

constexpr const char* kDocument = R"(version: 1
domain: home
lan: [10.0.0.0/24]
nodes: {pi4-1: 10.0.0.11, pi4-2: 10.0.0.12}
vips:
  dns: {address: 10.0.0.53}
  proxy: {address: 10.0.0.100}
dns:
  vip: dns
  upstreams: [9.9.9.9]
  forward: [{zones: [lan, 0.0.10.in-addr.arpa], to: [10.0.0.1]}]
  records:
    router: 10.0.0.1
    twice: [10.0.0.7, 10.0.0.8]
    web: {cname: www.example}
  clients: [10.42.0.0/16]
blocking:
  allow: [good.example]
  deny: [ads.example, "*.samsung.example"]
proxy: {vip: proxy}
services:
  immich: {upstream: "http://pi4-2:2283", aliases: [photos]}
)";

class SnapshotBuilderTest : public testing::Test {
protected:
    void load(std::string text) {
        auto loaded = config::load_sources({{"hearth.yaml", std::move(text)}}, "/",
                                           {.parsing = config::Parsing::kInProcess});
        ASSERT_TRUE(loaded) << config::render(loaded.findings);
        document = std::move(*loaded.document);
        node = document.nodes.data();
        snapshot = build_snapshot(document, node, build_house_names(document, {}, 0));
    }
    void SetUp() override { load(kDocument); }

    std::string address(std::string_view text) const {
        const LocalPath path = find_local(snapshot, *Name::parse(text), RrType::kA);
        if (path.node == nullptr || path.node->find(RrType::kA) == nullptr) return "-";
        return path.node->addresses()[0].to_string();
    }
    std::string pointer(const char* text) const {
        const auto reverse = IpAddress::parse(text)->reverse_name();
        const LocalPath path = find_local(snapshot, *Name::parse(reverse), RrType::kPtr);
        if (path.end == LocalPath::End::kForward) return "forward";
        const RecordSet* ptr = path.node != nullptr ? path.node->find(RrType::kPtr) : nullptr;
        return ptr != nullptr ? Name::from_wire(ptr->front())->to_string() : "-";
    }

    config::Document document;
    const config::Node* node = nullptr;
    Snapshot snapshot;
};

TEST_F(SnapshotBuilderTest, EachThingHasItsName) {
    EXPECT_EQ(address("immich.home"), "10.0.0.100") << "the proxy's VIP";
    EXPECT_EQ(address("photos.home"), "10.0.0.100");
    EXPECT_EQ(address("immich"), "10.0.0.100");
    EXPECT_EQ(address("pi4-2.home"), "10.0.0.12");
    EXPECT_EQ(address("router.home"), "10.0.0.1");
    EXPECT_EQ(address("dns.home"), "10.0.0.53");
    EXPECT_EQ(address("nothing.home"), "-");
    EXPECT_EQ(snapshot.primary.to_string(), "dns.home");
}

TEST_F(SnapshotBuilderTest, AddressesHaveOneNameEach) {
    EXPECT_EQ(pointer("10.0.0.11"), "pi4-1.home");
    EXPECT_EQ(pointer("10.0.0.8"), "twice.home");
    EXPECT_EQ(pointer("10.0.0.100"), "proxy.home");
    EXPECT_EQ(pointer("10.0.0.60"), "forward") << "the router knows the rest of the network";
    EXPECT_EQ(pointer("10.0.1.60"), "-") << "and nobody the rest of 10/8";
}

TEST_F(SnapshotBuilderTest, ClientsAreCalledWhatTheDocumentCallsThem) {
    EXPECT_EQ(snapshot.client_name(IpAddress::v4(10, 0, 0, 11)), "pi4-1");
    EXPECT_EQ(snapshot.client_name(IpAddress::v4(10, 0, 0, 8)), "twice");
    EXPECT_EQ(snapshot.client_name(IpAddress::v4(10, 0, 0, 99)), "");
}

TEST_F(SnapshotBuilderTest, AForwardZoneTakesWhatIsBelowItButTheDocumentsNames) {
    std::string text = kDocument;
    text.replace(text.find("[lan, 0.0.10.in-addr.arpa]"), 26, "[10.in-addr.arpa, home]");
    load(text);
    EXPECT_EQ(pointer("10.0.0.60"), "forward") << "though lan is a closer zone of ours";
    EXPECT_EQ(pointer("10.0.1.60"), "forward");
    EXPECT_EQ(pointer("10.0.0.11"), "pi4-1.home");
    EXPECT_EQ(address("immich.home"), "10.0.0.100");
    EXPECT_TRUE(find_local(snapshot, *Name::parse("laptop.home"), RrType::kA).leads_outside());
    EXPECT_EQ(find_local(snapshot, *Name::parse("home"), RrType::kSoa).end, LocalPath::End::kApex);
}

TEST_F(SnapshotBuilderTest, ADomainBelowAForwardZoneIsTheRoutersTooAfterOurNames) {
    std::string text = kDocument;
    text.replace(text.find("domain: home"), 12, "domain: pi.lan");
    load(text);
    EXPECT_EQ(address("immich.pi.lan"), "10.0.0.100");
    const LocalPath path = find_local(snapshot, *Name::parse("laptop.pi.lan"), RrType::kA);
    ASSERT_TRUE(path.leads_outside());
    EXPECT_EQ(path.zone->group, 1U);
}

TEST_F(SnapshotBuilderTest, WhatTheDocumentExceptsIsNotSpecial) {
    std::string text = kDocument;
    text.replace(text.find("dns:\n  vip"), 5,
                 "dns:\n  special: {except: [onion, lab.internal, 192.168.0.0/16]}\n");
    load(text);
    const auto end_of = [&](std::string_view asked) {
        return find_local(snapshot, *Name::parse(asked), RrType::kTxt).end;
    };
    EXPECT_EQ(end_of("x.onion"), LocalPath::End::kNotOurs);
    EXPECT_EQ(end_of("x.lab.internal"), LocalPath::End::kNotOurs) << "below a special name";
    EXPECT_EQ(end_of("internal"), LocalPath::End::kNxDomain);
    EXPECT_EQ(end_of("x.internal"), LocalPath::End::kNxDomain);
    EXPECT_EQ(end_of("1.9.168.192.in-addr.arpa"), LocalPath::End::kNotOurs);
    EXPECT_EQ(end_of("1.9.16.172.in-addr.arpa"), LocalPath::End::kNxDomain);
}

TEST_F(SnapshotBuilderTest, ServicesWithoutAVipAreWhereTheProxyListens) {
    load(
        "version: 1\ndomain: home\nlan: [127.0.0.0/8]\nnodes: {here: 127.0.0.1}\n"
        "dns: {listen: [\"127.0.0.1:5300\"], upstreams: [9.9.9.9]}\n"
        "proxy: {listen: [\"127.0.0.1:8080\"]}\n"
        "services: {hello: {upstream: \"http://127.0.0.1:8081\"}}\n");
    EXPECT_EQ(address("hello.home"), "127.0.0.1");
    EXPECT_EQ(listen_endpoints(document, node),
              (std::vector<Endpoint>{{IpAddress::v4(127, 0, 0, 1), 5300}}));
    EXPECT_EQ(snapshot.primary.to_string(), "here.home");
}

TEST_F(SnapshotBuilderTest, ListensOnVipAndNode) {
    EXPECT_EQ(listen_endpoints(document, node),
              (std::vector<Endpoint>{{IpAddress::v4(10, 0, 0, 53), 53},
                                     {IpAddress::v4(10, 0, 0, 11), 53}}));
}

TEST_F(SnapshotBuilderTest, GroupsRulesAndClients) {
    ASSERT_EQ(snapshot.groups.size(), 3U) << "the last one for bootstrap";
    EXPECT_EQ(snapshot.groups[0].servers[0].to_string(), "9.9.9.9:53");
    EXPECT_EQ(snapshot.groups[1].servers[0].to_string(), "10.0.0.1:53");
    EXPECT_EQ(snapshot.home_upstreams, (std::vector<IpAddress>{IpAddress::v4(10, 0, 0, 1)}));
    const auto verdict = [&](const char* text) {
        return snapshot.blocking.verdict(*Name::parse(text)).source;
    };
    EXPECT_EQ(verdict("x.ads.example"), VerdictSource::kDenyRule);
    EXPECT_EQ(verdict("x.samsung.example"), VerdictSource::kDenyRule);
    EXPECT_EQ(verdict("samsung.example"), VerdictSource::kNothing);
    EXPECT_EQ(verdict("good.example"), VerdictSource::kAllowRule);
    const auto clients = served_clients(document, {*IpPrefix::parse("192.168.7.0/24")});
    for (const char* served : {"127.0.0.1", "::1", "10.0.0.9", "10.42.3.4", "192.168.7.1"})
        EXPECT_TRUE(std::any_of(clients.begin(), clients.end(), [&](const IpPrefix& prefix) {
            return prefix.contains(*IpAddress::parse(served));
        })) << served;
}

TEST_F(SnapshotBuilderTest, TheNodeIsTheOneWithAnAddressOfThisMachine) {
    EXPECT_EQ((*choose_node(document, "", {IpAddress::v4(10, 0, 0, 12)}))->name, "pi4-2");
    EXPECT_EQ((*choose_node(document, "pi4-1", {IpAddress::v4(10, 0, 0, 12)}))->name, "pi4-1");
    EXPECT_EQ(*choose_node(document, "", {IpAddress::v4(192, 0, 2, 1)}), nullptr);
    EXPECT_EQ(choose_node(document, "pi9", {}).error().code, Errc::kNotFound);
}

TEST_F(SnapshotBuilderTest, AllNodesOfAHomeHaveOneMark) {
    const auto mark = house_mark(document);
    load(std::string(kDocument) + "  another: {upstream: \"http://pi4-1:1\"}\n");
    EXPECT_EQ(house_mark(document), mark);
}

}  // namespace
}  // namespace hearth::dns
