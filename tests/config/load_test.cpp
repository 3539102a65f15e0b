#include "config/load.h"

#include <gtest/gtest.h>

namespace hearth::config {
namespace {

constexpr const char* kHome = R"(version: 1
domain: home
lan: [10.0.0.0/24]
nodes:
  pi4-1: 10.0.0.11
  pi4-2: {address: 10.0.0.12, interface: eth0}
  pi5:   10.0.0.15
vips:
  dns:   {address: 10.0.0.53,  prefer: [pi4-1, pi4-2]}
  proxy: {address: 10.0.0.100, prefer: [pi4-2, pi4-1]}
dns:
  vip: dns
  upstreams: [1.1.1.1, "udp://9.9.9.9:5353"]
  forward: [{zones: [lan, 0.0.10.in-addr.arpa], to: [10.0.0.1]}]
  records: {router: 10.0.0.1, printer: [10.0.0.40, "fd00::40"], "*.apps.home": {cname: pi5}}
blocking:
  answer: 10.0.0.99
  lists:
    stevenblack: https://lists.example/hosts
    ours:        {file: lists/ours.txt}
  allow: [s.youtube.com]
  deny: ["*.samsungads.com", ads.example]
proxy: {vip: proxy}
services:
  immich:         {upstream: "http://pi5:2283"}
  home-assistant: {upstream: "http://pi4-2:8123", aliases: [ha]}
  nextcloud:      {upstreams: ["http://pi5:8081", "http://10.0.0.11:8081/"]}
  nas:            http://nas.example
)";

Loaded load_text(const std::string& text) {
    std::vector<Source> sources;
    sources.emplace_back("hearth.yaml", text);
    return load_sources(std::move(sources), "/etc/hearth");
}

TEST(Load, ReadsAWholeHome) {
    const auto loaded = load_text(kHome);
    ASSERT_TRUE(loaded) << render(loaded.findings);
    const Document& home = *loaded.document;
    EXPECT_EQ(home.domain.to_string(), "home");
    ASSERT_EQ(home.nodes.size(), 3U);
    EXPECT_EQ(home.nodes[1].interface, "eth0");
    EXPECT_EQ(home.find_vip("dns")->vrid, 53);
    EXPECT_EQ(home.find_vip("dns")->prefer, (std::vector<std::string>{"pi4-1", "pi4-2"}));
    EXPECT_EQ(home.dns.upstreams[1].endpoint.to_string(), "9.9.9.9:5353");
    EXPECT_EQ(home.dns.records[2].name.to_string(), "*.apps.home");
    EXPECT_EQ(std::get<CnameTarget>(home.dns.records[2].value).target.to_string(), "pi5.home");
    EXPECT_EQ(home.blocking.answer, BlockAnswer::kAddress);
    EXPECT_EQ(home.blocking.lists[1].file, "/etc/hearth/lists/ours.txt");
    EXPECT_TRUE(home.blocking.deny[0].only_below);
    EXPECT_EQ(home.find_service("immich")->upstreams[0].address->to_string(), "10.0.0.15");
    EXPECT_EQ(home.find_service("nas")->upstreams[0].port, 80);
    EXPECT_FALSE(home.find_service("nas")->upstreams[0].address);
    EXPECT_EQ(home.hash.size(), 64U);
}

TEST(Load, RendersAsNftDoes) {
    const auto loaded = load_text(
        "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\nservices:\n  immich:\n"
        "    upstreams: [\"http://pi6:8081\"]\n");
    EXPECT_FALSE(loaded);
    EXPECT_EQ(render(loaded.findings),
              "hearth.yaml:5:17: error: upstream pi6 is not a node (did you mean pi5?)\n"
              "    upstreams: [\"http://pi6:8081\"]\n"
              "                ^~~~~~~~~~~~~~~~~\n");
}

}  // namespace
}  // namespace hearth::config
