#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <sstream>

#include "cli/daemons.h"
#include "cli/event_lines.h"
#include "cli/status_page.h"
#include "cli/text_table.h"
#include "cli/why_text.h"

namespace hearth::cli {
namespace {

namespace json = boost::json;

class Rendering : public testing::Test {
protected:
    std::ostringstream out_;
    std::ostringstream err_;
    Console plain_{out_, err_};
    Console coloured_{out_, err_, true};
};

constexpr const char* kDns =
    R"({"daemon":"dns","node":"pi4-1","state":"warn","config":{"hash":"0123456789abcdef"},
    "problems":[{"name":"list_stale","detail":"list ours: HTTP 404\ncorrect its url","since":"2026-11-20T23:40:15Z"}]})";
constexpr const char* kLb =
    R"({"daemon":"lb","node":"pi4-1","state":"ok","config":{"hash":"0123456789abcdef"},"problems":[],
    "vips":[{"name":"dns","address":"10.0.0.53","owner":"pi4-1"},{"name":"proxy","address":"10.0.0.100","owner":"pi5"}],
    "nodes":[{"name":"pi4-1","state":"ok"},
             {"name":"pi5","state":"error","config_hash":"fedcba98","daemons":{"dns":"ok","lb":"ok","proxy":"error"},
              "problems":[{"daemon":"proxy","name":"upstream_down","detail":"immich","since":""}]}]})";

TEST_F(Rendering, StatusShowsNodesAndWhatToDo) {
    const auto page = make_status_page({{"dns", json::parse(kDns)}, {"lb", json::parse(kLb)}},
                                       {{"proxy", "the daemon is not running"}});
    EXPECT_FALSE(is_well(page));
    print_status(page, plain_);
    EXPECT_EQ(out_.str(),
              "NODE   STATE  DNS   LB  PROXY  CERTS  VIPS        DOCUMENT\n"
              "pi4-1  error  warn  ok  down   -      10.0.0.53   01234567\n"
              "pi5    error  ok    ok  error  -      10.0.0.100  fedcba98\n"
              "\npi4-1 proxy not_running\n"
              "  the daemon is not running: start it with `systemctl start hearth-proxy`\n"
              "\npi4-1 dns list_stale since 2026-11-20T23:40:15Z\n"
              "  list ours: HTTP 404\n"
              "  correct its url\n"
              "\npi5 proxy upstream_down\n"
              "  immich\n"
              "\npi5 lb document_differs\n"
              "  it serves fedcba98 and this node 01234567: copy the right hearth.yaml there, then "
              "`hearth reload`\n");
}

TEST_F(Rendering, AHomeThatIsWellHasNoProblems) {
    const auto ok = json::parse(R"({"node":"pi","state":"ok","problems":[]})");
    EXPECT_TRUE(is_well(make_status_page({{"dns", ok}, {"lb", ok}, {"proxy", ok}}, {})));
}

TEST_F(Rendering, WhatNodesSayInTheSameWordsIsToldOnce) {
    const auto lb = json::parse(R"({"node":"a","state":"ok","nodes":[
        {"name":"b","state":"unknown"},
        {"name":"c","state":"warn","problems":[{"daemon":"proxy","name":"upstream_down","detail":"x"}]},
        {"name":"d","state":"warn","problems":[{"daemon":"proxy","name":"upstream_down","detail":"x"}]}]})");
    const auto page = make_status_page({{"lb", lb}}, {});
    ASSERT_EQ(page.problems.size(), 1U);
    EXPECT_EQ(page.problems[0].node, "c, d");
}

TEST_F(Rendering, ANodeNotHeardOfIsNotByItselfAProblem) {
    const auto lb =
        json::parse(R"({"node":"a","state":"ok","nodes":[{"name":"b","state":"unknown"}]})");
    EXPECT_TRUE(is_well(make_status_page({{"lb", lb}}, {})));
}

TEST_F(Rendering, AVipWithoutAnOwnerIsAProblem) {
    const auto lb = json::parse(
        R"({"node":"pi","state":"ok","vips":[{"name":"dns","address":"10.0.0.53","owner":""}]})");
    const auto page = make_status_page({{"lb", lb}}, {});
    ASSERT_EQ(page.problems.size(), 1U);
    EXPECT_EQ(page.problems[0].detail, "10.0.0.53 (dns) is held by no node");
}

TEST_F(Rendering, OddAnswersDoNotConfuse) {
    for (const char* text :
         {"null", "[]", "3",
          R"({"node":3,"state":[],"problems":{},"vips":[1,null],"nodes":[{}]})"}) {
        const auto page = make_status_page({{"lb", json::parse(text)}}, {});
        EXPECT_FALSE(page.nodes.empty()) << text;
        print_status(page, plain_);
        (void)why_text(json::parse(text), plain_);
        (void)query_line(json::parse(text), plain_);
        (void)request_line(json::parse(text), plain_);
        (void)log_line(json::parse(text), plain_);
    }
}

TEST_F(Rendering, WhyNamesTheListAndTheLine) {
    const auto blocked = json::parse(
        R"({"name":"ads.example","verdict":"blocked","matched":"block_list","list":"ours",
        "list_age_s":7300,"rules":[{"list":"ours","line":7,"text":"0.0.0.0 ads.example","action":"block"}],
        "undo":"add \"ads.example\" to blocking.allow"})");
    EXPECT_EQ(why_text(blocked, plain_),
              "BLOCKED ads.example: list ours, updated 2h1m ago\n"
              "  list ours line 7: 0.0.0.0 ads.example\n"
              "undo: add \"ads.example\" to blocking.allow, then `hearth reload`\n");
    const auto outside = json::parse(
        R"({"name":"a.example","verdict":"forwarded","matched":"none","upstreams":["9.9.9.9:53"]})");
    EXPECT_EQ(why_text(outside, plain_), "NOT BLOCKED a.example: asked of 9.9.9.9:53\n");
    const auto local = json::parse(
        R"({"name":"nas.home","verdict":"local","exists":true,"addresses":["10.0.0.9"]})");
    EXPECT_EQ(why_text(local, plain_), "LOCAL nas.home: a name of this home: 10.0.0.9\n");
    const auto missing = json::parse(R"({"name":"x.home","verdict":"local","exists":false})");
    EXPECT_EQ(why_text(missing, plain_), "LOCAL x.home: no name of this home: answered NXDOMAIN\n");
}

TEST_F(Rendering, EventsAreOneLineEach) {
    const auto request =
        json::parse(R"({"time":"2026-11-20T23:40:15.123Z","client":"10.0.0.50","method":"GET",
        "host":"immich.home","target":"/","status":502,"duration_us":1500,"reason":"connect_refused"})");
    EXPECT_EQ(request_line(request, plain_),
              "23:40:15 10.0.0.50       GET immich.home/ 502 1.5ms connect_refused");
    const auto stream = json::parse(
        R"({"time":"2026-11-20T23:40:15.123Z","stream":"tcp","client":"10.0.0.50","client_port":4,
        "service":"mqtt","upstream":"10.0.0.20:1883","request_octets":17,"response_octets":4096,
        "duration_us":1500,"end":"closed"})");
    EXPECT_EQ(request_line(stream, plain_),
              "23:40:15 10.0.0.50       tcp mqtt 17/4096 octets 1.5ms 10.0.0.20:1883 closed");
    const auto log = json::parse(
        R"({"time":"2026-11-20T23:40:15.123Z","level":"warn","service":"hearth-lb","event":"vip_conflict",
        "vip":"dns","count":2})");
    EXPECT_EQ(log_line(log, plain_), "23:40:15 hearth-lb    warn  vip_conflict vip=dns count=2");
    const auto query = json::parse(
        R"({"time_ms":0,"client":"10.0.0.50","name":"ads.example","type":"A","rcode":"NOERROR",
        "reason":"blocked","by":"ours","duration_us":0})");
    EXPECT_EQ(query_line(query, plain_).substr(8),
              " 10.0.0.50       A     ads.example NOERROR blocked (ours)");
}

// What comes from the network must not steer the terminal.
TEST_F(Rendering, ControlCharactersAreReplaced) {
    const auto request = json::parse(R"({"host":"\u001b[2Jx","target":"\n\u0007","status":200})");
    const auto line = request_line(request, plain_);
    EXPECT_EQ(line.find_first_of("\x1b\n\x07"), std::string::npos);
    TextTable table({"A"});
    table.add({{"x\x1b[31my"}});
    table.print(plain_);
    EXPECT_EQ(out_.str(), "A\nx?[31my\n");
}

TEST_F(Rendering, ColourOnlyWhenAsked) {
    EXPECT_EQ(plain_.ink(Ink::kBad, "x"), "x");
    EXPECT_EQ(coloured_.ink(Ink::kBad, "x"), "\033[31mx\033[0m");
    TextTable table({"A", "B"});
    table.add({{"é", Ink::kGood}, {""}});
    table.print(coloured_);
    EXPECT_EQ(out_.str(), "\033[1mA\033[0m  \033[1mB\033[0m\n\033[32mé\033[0m  -\n");
}

TEST(ShortDuration, HasTwoUnitsAtMost) {
    EXPECT_EQ(short_duration(0), "0s");
    EXPECT_EQ(short_duration(41), "41s");
    EXPECT_EQ(short_duration(60), "1m");
    EXPECT_EQ(short_duration(3661), "1h1m");
    EXPECT_EQ(short_duration(3605), "1h");
    EXPECT_EQ(short_duration(6 * 86'400 + 2 * 3600 + 5), "6d2h");
}

TEST(UrlEncode, KeepsOnlyWhatIsPlain) {
    EXPECT_EQ(url_encode("a.b-c d&e=ü"), "a.b-c%20d%26e%3D%C3%BC");
}

}  // namespace
}  // namespace hearth::cli
