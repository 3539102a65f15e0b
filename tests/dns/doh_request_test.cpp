#include "dns/core/doh_request.h"

#include <gtest/gtest.h>

#include "dns/core/http1_request.h"
#include "tests/dns/packets.h"

namespace hearth::dns::test {
namespace {

int read(std::string_view method, std::string_view path, std::string_view type, ByteView body,
         Packet& out) {
    return read_doh_request({method, path, type, body}, out);
}

TEST(DohRequest, TakesTheQuestionOfRfc8484) {
    Packet question;
    static constexpr std::string_view kPath =
        "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
    EXPECT_EQ(read("GET", kPath, "", {}, question), 200);
    EXPECT_EQ(see(question).question, "www.example.com. A");
    const Packet body = question;
    EXPECT_EQ(read("POST", "/dns-query", "application/dns-message", body, question), 200);
    EXPECT_EQ(question, body);
    EXPECT_EQ(read("POST", "/dns-query", "Application/DNS-Message; x=y", body, question), 200);
    EXPECT_EQ(read("GET", "/dns-query?a=b&dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB&c", "",
                   {}, question),
              200);
}

TEST(DohRequest, SaysWhatIsWrong) {
    Packet out;
    const Packet body(20);
    EXPECT_EQ(read("GET", "/", "", {}, out), 404);
    EXPECT_EQ(read("GET", "/dns-query2?dns=AAAA", "", {}, out), 404);
    EXPECT_EQ(read("PUT", "/dns-query", "application/dns-message", body, out), 405);
    EXPECT_EQ(read("POST", "/dns-query", "application/json", body, out), 415);
    EXPECT_EQ(read("POST", "/dns-query", "application/dns-message", ByteView(body).first(11), out),
              400);
    EXPECT_EQ(read("POST", "/dns-query", "application/dns-message", Packet(65'536), out), 413);
    for (const char* query : {"", "?", "?dns=", "?dns=A", "?dns=AAAA", "?dns=AAAB+AAB", "?x=AAAA",
                              "?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB=="})
        EXPECT_EQ(read("GET", std::string("/dns-query") + query, "", {}, out), 400) << query;
}

TEST(DohRequest, AnswersAreFreshAsLongAsTheirLeastTtl) {
    const Packet question = ask({.name = "www.example"});
    EXPECT_EQ(answer_freshness(say(question, {.answers = {"www.example. 300 IN A 192.0.2.1",
                                                          "www.example. 60 IN A 192.0.2.2"}})),
              60U);
    EXPECT_EQ(answer_freshness(say(question, {.rcode = "NXDOMAIN",
                                              .authority = {"example. 900 IN SOA a. b. 1 2 3 4 "
                                                            "30"}})),
              30U);
    EXPECT_EQ(answer_freshness(say(question, {.rcode = "SERVFAIL"})), 0U);
    EXPECT_EQ(answer_freshness({}), 0U);
}

// --- HTTP/1.1 ---

constexpr std::string_view kPost =
    "POST /dns-query HTTP/1.1\r\nHost: dns.home\r\nContent-Type: application/dns-message\r\n"
    "Content-Length: 4\r\n\r\nabcd";

TEST(Http1Reader, ReadsARequestWhereverItIsCut) {
    const std::string two = std::string(kPost) + "GET /dns-query?dns=x HTTP/1.1\r\nhost: a\r\n\r\n";
    for (std::size_t cut = 0; cut <= two.size(); ++cut) {
        Http1Reader reader;
        std::vector<std::string> paths;
        for (ByteView part : {as_bytes(two).first(cut), as_bytes(two).subspan(cut)}) {
            while (!part.empty()) {
                const auto state = reader.feed(part);
                ASSERT_NE(state, Http1Reader::State::kBad) << cut;
                if (state != Http1Reader::State::kComplete) continue;
                paths.push_back(reader.request().method + reader.request().path +
                                std::string(as_text(reader.request().body)));
                reader.next();
            }
        }
        EXPECT_EQ(paths, (std::vector<std::string>{"POST/dns-queryabcd", "GET/dns-query?dns=x"}));
    }
}

TEST(Http1Reader, RefusesWhatIsAmbiguous) {
    const std::pair<const char*, int> bad[] = {
        {"GET /x HTTP/1.1\nHost: a\n\n", 400},
        {"GET  HTTP/1.1\r\n\r\n", 400},
        {"GET x HTTP/1.1\r\n\r\n", 400},
        {"GET /x HTTP/2.0\r\n\r\n", 505},
        {"GET /x HTTP/1.1\r\n\r\n", 400},
        {"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"GET /x HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"POST /x HTTP/1.1\r\nHost: a\r\n\r\n", 411},
        {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
        {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400},
        {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n", 413},
    };
    for (const auto& [text, status] : bad) {
        Http1Reader reader;
        ByteView octets = as_bytes(text);
        EXPECT_EQ(reader.feed(octets), Http1Reader::State::kBad) << text;
        EXPECT_EQ(reader.status(), status) << text;
    }
}

TEST(Http1Reader, HeadsHaveAnEnd) {
    Http1Reader reader;
    const std::string line(Http1Reader::kMaxHead + 1, 'a');
    ByteView octets = as_bytes(line);
    EXPECT_EQ(reader.feed(octets), Http1Reader::State::kBad);
    EXPECT_EQ(reader.status(), 431);
}

TEST(Http1Reader, KeepsConnectionsAsAsked) {
    const std::pair<const char*, bool> table[] = {
        {"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET /x HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false},
        {"GET /x HTTP/1.0\r\n\r\n", false},
    };
    for (const auto& [text, kept] : table) {
        Http1Reader reader;
        ByteView octets = as_bytes(text);
        ASSERT_EQ(reader.feed(octets), Http1Reader::State::kComplete) << text;
        EXPECT_EQ(reader.request().keep_alive, kept) << text;
    }
}

}  // namespace
}  // namespace hearth::dns::test
