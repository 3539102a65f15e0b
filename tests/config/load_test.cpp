#include "config/load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hearth::config {
namespace {

namespace fs = std::filesystem;

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
    return load_sources(sources, "/etc/hearth");
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
    EXPECT_EQ(home.dns.records[2].cname->to_string(), "pi5.home");
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

TEST(Load, ReportsSeveralErrorsInOneGo) {
    const auto loaded = load_text(
        "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\ndns: {upstrems: 9.9.9.9, cache_size: "
        "1TB}\nservices:\n"
        "  immich: http://pi6:1\n  photos: ftp://pi5\n");
    EXPECT_FALSE(loaded);
    EXPECT_EQ(loaded.findings.size(), 4U) << render(loaded.findings);
}

TEST(Load, EscapedControlCharactersDoNotReachTheTerminal) {
    for (const char* line : {"domain: \"\\e[31m\"\n", "\"\\e]0;x\\a\": 1\n"}) {
        const auto loaded =
            load_text(std::string("lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\n") + line);
        EXPECT_EQ(loaded.findings.size(), 1U) << render(loaded.findings);
        EXPECT_EQ(render(loaded.findings).find_first_of("\x1b\a"), std::string::npos);
    }
}

TEST(Load, WarnsWithoutRefusing) {
    const struct {
        const char* text;
        const char* warning;
    } cases[] = {
        {"", "no upstreams"},
        {"domain: local\n", "RFC 6762"},
        {"vips: {a: {address: 10.0.0.53, prefer: pi4}}\ndns: {vip: a}\n", "one candidate"},
        {"vips: {a: 10.0.0.53}\n", "used by nothing"},
        {"dns: {upstreams: [9.9.9.9, 9.9.9.9]}\n", "written twice"},
        {"vips: {a: 10.0.0.53}\ndns: {vip: a, listen: \"10.0.0.9:53\"}\n", "replaces the VIP"},
        {"blocking: {allow: a.example, deny: a.example}\n", "allow wins"},
        {"blocking: {lists: {a: {file: x}, b: {file: x}}}\n", "the same as a"},
    };
    for (const auto& one : cases) {
        const auto loaded = load_text(
            std::string("lan: 10.0.0.0/24\nnodes: {pi4: 10.0.0.14, pi5: 10.0.0.15}\n") + one.text);
        EXPECT_TRUE(loaded) << one.text << render(loaded.findings);
        EXPECT_NE(render(loaded.findings).find(one.warning), std::string::npos)
            << one.text << render(loaded.findings);
    }
}

TEST(Load, RedirectsThatEndSomewhereAreFine) {
    for (const char* services : {
             "{a: {redirect: 'https://b.home'}, b: {upstream: 'http://pi5:1'}}",
             "{a: {redirect: 'https://a.example'}, b: {redirect: 'https://a.home'}}",
             // From one path of a host to another; the same path of another host.
             "{a: {upstream: 'http://pi5:1'}, b: {under: a, paths: /x, redirect: "
             "'https://a.home/y'}}",
             "{a: {upstream: 'http://pi5:1'}, b: {under: a, paths: =/x, redirect: "
             "'https://a.home/x/'}}",
             "{a: {redirect: 'https://a.home/welcome'}, b: {under: a, paths: /welcome, upstream: "
             "'http://pi5:1'}}",
             "{a: {redirect: 'https://b.home'}, b: {redirect: 'https://a.home/x'}, c: {under: a, "
             "paths: /x, upstream: 'http://pi5:1'}}",
             // Somebody else's port; a name that somebody else may publish.
             "{a: {redirect: 'https://a.home:8443'}}",
             "{a: {redirect: 'https://www.a.example', hosts: ['*.a.example', a.example]}}",
         }) {
        const auto loaded = load_text(
            std::string("lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\nservices: ") + services + "\n");
        EXPECT_TRUE(loaded) << services << render(loaded.findings);
    }
}

TEST(Load, ACircleOfRedirectsIsToldOnce) {
    const auto loaded = load_text(
        "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\nservices:\n"
        "  in: {redirect: 'https://a.home'}\n  a: {redirect: 'https://b'}\n"
        "  b: {redirect: 'http://c.home'}\n  c: {redirect: 'https://a.home.'}\n");
    ASSERT_EQ(loaded.findings.size(), 1U) << render(loaded.findings);
    EXPECT_EQ(loaded.findings[0].at.line, 5U);
    ASSERT_EQ(loaded.findings[0].notes.size(), 2U);
    EXPECT_EQ(loaded.findings[0].notes[1].at.line, 7U);
}

TEST(Load, RedirectsToThePortsThatTheProxyHasLeadBack) {
    const std::string document =
        "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\nproxy: {listen: '10.0.0.15:8080'}\n"
        "services: {a: {redirect: '";
    EXPECT_TRUE(load_text(document + "https://a.home'}}\n"));
    EXPECT_FALSE(load_text(document + "http://a.home:8080'}}\n"));
}

TEST(Load, FillsInWhatIsLeftOut) {
    const auto loaded = load_text(
        "lan: 10.0.0.0/23\nnodes: {pi4: 10.0.0.14, pi5: 10.0.0.15}\nvips: {dns: 10.0.0.53, odd: "
        "10.0.1.0}\n"
        "dns: {vip: dns, records: {nas: 10.0.0.9}}\nproxy: {vip: odd}\n"
        "services: {files: \"http://nas.home:8080\", here: \"http://localhost:81\", there: "
        "\"http://pi5.home:82\"}\n");
    ASSERT_TRUE(loaded) << render(loaded.findings);
    const Document& home = *loaded.document;
    EXPECT_EQ(home.domain.to_string(), "home");
    EXPECT_EQ(home.vips[0].prefer, (std::vector<std::string>{"pi4", "pi5"}));
    EXPECT_EQ(home.vips[1].vrid, 255);
    EXPECT_EQ(home.services[0].upstreams[0].address->to_string(), "10.0.0.9");
    EXPECT_EQ(home.services[1].upstreams[0].address->to_string(), "127.0.0.1");
    EXPECT_EQ(home.services[2].upstreams[0].address->to_string(), "10.0.0.15");
}

TEST(Load, VipsShareARouterOnlyWhenBothSaySo) {
    const auto loaded = load_text(
        "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\nvips: {dns: {address: 10.0.0.53, vrid: 7}, "
        "proxy: {address: "
        "10.0.0.80, vrid: 7}}\ndns: {vip: dns}\nproxy: {vip: proxy}\n");
    EXPECT_TRUE(loaded) << render(loaded.findings);
}

TEST(Load, AnEmptyDocumentSaysWhatItNeeds) {
    for (const char* text : {"", "# nothing\n", "{}\n", "~\n"}) {
        const auto loaded = load_text(text);
        EXPECT_FALSE(loaded);
        EXPECT_EQ(loaded.findings.size(), 2U) << render(loaded.findings);
    }
}

TEST(Load, UnreadableFilesAreNamed) {
    const auto missing = load("/nonexistent/hearth.yaml");
    ASSERT_EQ(missing.findings.size(), 1U);
    EXPECT_EQ(missing.findings[0].headline(),
              "/nonexistent/hearth.yaml: error: cannot be read: No such file or directory");
    EXPECT_EQ(load("/dev/zero").findings[0].message, "cannot be read: is not a regular file");
}

// A folder of its own, gone at the end of the test.
class LoadFiles : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "hearth-config-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
        fs::create_directory(folder_ / "conf.d");
    }
    void TearDown() override { fs::remove_all(folder_); }

    void write(const fs::path& name, const std::string& text) {
        std::ofstream(folder_ / name, std::ios::binary) << text;
    }
    Loaded load_all() { return load((folder_ / "hearth.yaml").string()); }

    fs::path folder_;
};

TEST_F(LoadFiles, MergesDropInsInLexicalOrder) {
    write("hearth.yaml",
          "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\ndns: {upstreams: 9.9.9.9}\nservices:\n");
    write("conf.d/20-b.yaml", "services: {b: http://pi5:2}\n");
    write("conf.d/10-a.yaml",
          "services: {a: http://pi5:1}\nblocking: {lists: {ours: {file: lists/ours.txt}}}\n");
    write("conf.d/.hidden.yaml", "nonsense: [");
    write("conf.d/notes.txt", "nonsense: [");
    const auto loaded = load_all();
    ASSERT_TRUE(loaded) << render(loaded.findings);
    ASSERT_EQ(loaded.document->services.size(), 2U);
    EXPECT_EQ(loaded.document->services[0].name, "a");
    EXPECT_EQ(loaded.document->blocking.lists[0].file, (folder_ / "lists/ours.txt").string());
}

TEST_F(LoadFiles, HashFollowsTheBytes) {
    const std::string home = "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\n";
    write("hearth.yaml", home);
    const auto first = load_all().hash;
    EXPECT_EQ(load_all().hash, first);
    write("conf.d/x.yaml", "# a comment\n");
    const auto second = load_all().hash;
    EXPECT_NE(second, first);
    write("hearth.yaml", home + "oops: 1\n");
    const auto rejected = load_all();
    EXPECT_FALSE(rejected);
    EXPECT_NE(rejected.hash, second);
}

TEST_F(LoadFiles, LimitsSizeAndNumber) {
    const std::string home = "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\n";
    write("hearth.yaml", home + "#" + std::string(kMaxFileBytes - home.size() - 1, 'x'));
    EXPECT_TRUE(load_all());
    write("hearth.yaml", home + "#" + std::string(kMaxFileBytes - home.size(), 'x'));
    EXPECT_EQ(load_all().findings[0].message, "cannot be read: is larger than 1 MiB");
    write("hearth.yaml", home);
    for (std::size_t i = 0; i < kMaxFiles; ++i) write("conf.d/" + std::to_string(i) + ".yaml", "");
    EXPECT_FALSE(load_all());
}

TEST_F(LoadFiles, AFifoInTheFoldersPlaceHoldsNothingUp) {
    write("hearth.yaml", "lan: 10.0.0.0/24\nnodes: {pi5: 10.0.0.15}\n");
    ASSERT_EQ(mkfifo((folder_ / "conf.d/pipe.yaml").c_str(), 0600), 0);
    EXPECT_EQ(load_all().findings[0].message, "cannot be read: is not a regular file");
}

}  // namespace
}  // namespace hearth::config
