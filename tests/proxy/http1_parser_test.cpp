#include "proxy/core/http1_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

// A request head as given, plus a Host where it has none.
std::string get(const std::string& headers) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}

Refusal refusal_of(const std::string& text) {
    RequestParser parser;
    const ParseStatus status = parser.parse(text);
    return status == ParseStatus::kRefused ? parser.refusal() : Refusal::kNone;
}

struct Refused {
    std::string_view name;
    std::string text;
    Refusal refusal;
};

std::string text_with_nul(std::string before, const std::string& after) {
    before.push_back('\0');
    return before + after;
}

const std::vector<Refused>& refused_requests() {
    static const std::vector<Refused> table{
        {"length and coding", get("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
         Refusal::kLengthAndCoding},
        {"coding and length", get("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
         Refusal::kLengthAndCoding},
        {"two lengths", get("Content-Length: 4\r\nContent-Length: 5\r\n"),
         Refusal::kContentLengthRepeated},
        {"two equal lengths", get("Content-Length: 4\r\ncontent-length: 4\r\n"),
         Refusal::kContentLengthRepeated},
        {"list of lengths", get("Content-Length: 4, 4\r\n"), Refusal::kContentLength},
        {"empty length", get("Content-Length:\r\n"), Refusal::kContentLength},
        {"plus length", get("Content-Length: +4\r\n"), Refusal::kContentLength},
        {"minus length", get("Content-Length: -4\r\n"), Refusal::kContentLength},
        {"hexadecimal length", get("Content-Length: 0x4\r\n"), Refusal::kContentLength},
        {"length with a space", get("Content-Length: 4 4\r\n"), Refusal::kContentLength},
        {"overflowing length", get("Content-Length: 9223372036854775808\r\n"),
         Refusal::kContentLength},
        {"length of 2^64 + 1", get("Content-Length: 18446744073709551617\r\n"),
         Refusal::kContentLength},
        {"unknown coding", get("Transfer-Encoding: gzip\r\n"), Refusal::kTransferCoding},
        {"list of codings", get("Transfer-Encoding: gzip, chunked\r\n"), Refusal::kTransferCoding},
        {"chunked twice", get("Transfer-Encoding: chunked, chunked\r\n"), Refusal::kTransferCoding},
        {"two codings", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
         Refusal::kTransferCoding},
        {"coding not last", get("Transfer-Encoding: chunked, identity\r\n"),
         Refusal::kTransferCoding},
        {"empty coding", get("Transfer-Encoding:\r\n"), Refusal::kTransferCoding},
        {"coding with vertical tab",
         get("Transfer-Encoding: \x0b"
             "chunked\r\n"),
         Refusal::kHeaderValue},
        {"quoted coding", get("Transfer-Encoding: \"chunked\"\r\n"), Refusal::kTransferCoding},
        {"coding with a parameter", get("Transfer-Encoding: chunked;a=b\r\n"),
         Refusal::kTransferCoding},
        {"coding in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
         Refusal::kTransferCodingInHttp10},
        {"folded header", get("A: b\r\n c\r\n"), Refusal::kFolded},
        {"folded with a tab", get("A: b\r\n\tc\r\n"), Refusal::kFolded},
        {"space before first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", Refusal::kFolded},
        {"space before colon", get("A : b\r\n"), Refusal::kHeaderName},
        {"tab before colon", get("Transfer-Encoding\t: chunked\r\n"), Refusal::kHeaderName},
        {"empty name", get(": b\r\n"), Refusal::kHeaderName},
        {"name not a token", get("A(b): c\r\n"), Refusal::kHeaderName},
        {"name with 8-bit octet", get("\xC3\xA9: c\r\n"), Refusal::kHeaderName},
        {"line without colon", get("abc\r\n"), Refusal::kHeaderWithoutColon},
        {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", Refusal::kBareCr},
        {"bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n", Refusal::kBareCr},
        {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", Refusal::kBareCr},
        {"bare CR in a value", get("A: b\rc\r\n"), Refusal::kBareCr},
        {"two CR", get("A: b\r\r\n"), Refusal::kBareCr},
        {"bare CR in the request line", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kBareCr},
        {"bare CR in a name", get("A\rb: c\r\n"), Refusal::kBareCr},
        {"NUL in a value", text_with_nul("GET / HTTP/1.1\r\nHost: a\r\nA: ", "\r\n\r\n"),
         Refusal::kNul},
        {"NUL in a name", text_with_nul("GET / HTTP/1.1\r\nHost: a\r\nA", "b: c\r\n\r\n"),
         Refusal::kNul},
        {"NUL in the target", text_with_nul("GET /", " HTTP/1.1\r\nHost: a\r\n\r\n"),
         Refusal::kNul},
        {"DEL in a value", get("A: \x7f\r\n"), Refusal::kHeaderValue},
        {"no Host", "GET / HTTP/1.1\r\n\r\n", Refusal::kHostMissing},
        {"no Host in 1.0", "GET / HTTP/1.0\r\n\r\n", Refusal::kHostMissing},
        {"two Hosts", get("Host: b\r\n"), Refusal::kHostRepeated},
        {"two equal Hosts", get("Host: a\r\n"), Refusal::kHostRepeated},
        {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", Refusal::kHostInvalid},
        {"list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Refusal::kHostInvalid},
        {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Refusal::kHostInvalid},
        {"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Refusal::kHostInvalid},
        {"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", Refusal::kHostInvalid},
        {"Host with port 65536", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", Refusal::kHostInvalid},
        {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Refusal::kHostInvalid},
        {"bad IPv6 Host", "GET / HTTP/1.1\r\nHost: [::zz]\r\n\r\n", Refusal::kHostInvalid},
        {"absolute-form with a bad Host", "GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n",
         Refusal::kHostInvalid},
        {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kRequestLine},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"tabs", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kRequestLine},
        {"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"8-bit target", "GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"angle bracket", "GET /<x> HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"* for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"user in the target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"no host in the target", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kTarget},
        {"method not a token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kMethod},
        {"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kMethod},
        {"long method", std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kMethod},
        {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kConnect},
        {"HTTP/2.0", "PRI * HTTP/2.0\r\n\r\n", Refusal::kVersion},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", Refusal::kVersion},
        {"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", Refusal::kVersion},
        {"HTTP/01.1", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", Refusal::kVersion},
        {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
         Refusal::kRequestLine},
        {"other expectation", get("Expect: 200-ok\r\n"), Refusal::kExpectation},
        {"TLS hello", "\x16\x03\x01\x02\n", Refusal::kBareCr},
    };
    return table;
}

TEST(RequestParser, RefusesTheCatalogue) {
    for (const Refused& each : refused_requests()) {
        EXPECT_EQ(refusal_of(each.text), each.refusal)
            << each.name << ": " << describe(refusal_of(each.text));
    }
}

TEST(RequestParser, RefusesTheCatalogueSplitAtEveryOctet) {
    for (const Refused& each : refused_requests()) {
        for (std::size_t cut = 0; cut < each.text.size(); ++cut) {
            RequestParser parser;
            ParseStatus status = parser.parse(std::string_view(each.text).substr(0, cut));
            if (status == ParseStatus::kNeedMore) status = parser.parse(each.text);
            ASSERT_EQ(status, ParseStatus::kRefused) << each.name << " cut at " << cut;
            EXPECT_EQ(parser.refusal(), each.refusal) << each.name << " cut at " << cut;
        }
    }
}

TEST(RequestParser, ReadsWhatTheHeadSays) {
    const std::string text =
        "POST /a%2Fb?c={d} HTTP/1.1\r\nHost: Immich.home:8080\r\nContent-Length: 010\r\n"
        "Expect: 100-continue\r\nX-Empty:\r\nX-Space: \t b c \t\r\n\r\nrest";
    RequestParser parser;
    ASSERT_EQ(parser.parse(text), ParseStatus::kDone) << describe(parser.refusal());
    const RequestHead& head = parser.head();
    EXPECT_EQ(head.method, Method::kPost);
    EXPECT_EQ(head.target, "/a%2Fb?c={d}");
    EXPECT_EQ(head.authority, "Immich.home:8080");
    EXPECT_EQ(head.body, (BodyFraming{BodyKind::kLength, 10}));
    EXPECT_TRUE(head.expects_continue);
    EXPECT_TRUE(head.keep_alive);
    ASSERT_EQ(head.headers.fields().size(), 5U);
    EXPECT_EQ(head.headers.fields()[3].value, "");
    EXPECT_EQ(head.headers.fields()[4].value, "b c");
    EXPECT_EQ(text.substr(parser.consumed()), "rest");
}

TEST(RequestParser, AcceptsOneEmptyLineFirst) {
    RequestParser parser;
    const std::string text = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(parser.parse(text), ParseStatus::kDone);
    EXPECT_EQ(parser.consumed(), text.size());
}

TEST(RequestParser, SplitAtEveryOctetReadsTheSame) {
    const std::string text =
        "GET http://Hello.home:80/x HTTP/1.1\r\nHost: other\r\nConnection: Upgrade, X-A\r\n"
        "Upgrade: websocket\r\nX-A: 1\r\n\r\n";
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        RequestParser parser;
        ASSERT_EQ(parser.parse(std::string_view(text).substr(0, cut)), ParseStatus::kNeedMore);
        ASSERT_EQ(parser.parse(text), ParseStatus::kDone) << cut;
        EXPECT_EQ(parser.head().authority, "Hello.home:80");
        EXPECT_EQ(parser.head().target, "/x");
        EXPECT_EQ(parser.head().upgrade, "websocket");
        EXPECT_EQ(parser.head().headers.fields().size(), 4U);
        EXPECT_EQ(parser.consumed(), text.size());
    }
    RequestParser parser;
    for (std::size_t size = 1; size < text.size(); ++size) {
        ASSERT_EQ(parser.parse(std::string_view(text).substr(0, size)), ParseStatus::kNeedMore);
    }
    EXPECT_EQ(parser.parse(text), ParseStatus::kDone);
}

TEST(RequestParser, AbsoluteFormLosesItsAuthority) {
    const struct {
        std::string_view target, left, authority;
    } table[] = {
        {"http://a", "", "a"},
        {"HTTP://a/", "/", "a"},
        {"http://a?q", "?q", "a"},
        {"https://[::1]:8443/x", "/x", "[::1]:8443"},
    };
    for (const auto& each : table) {
        RequestParser parser;
        const std::string text =
            "GET " + std::string(each.target) + " HTTP/1.1\r\nHost: other\r\n\r\n";
        ASSERT_EQ(parser.parse(text), ParseStatus::kDone) << each.target;
        EXPECT_EQ(parser.head().target, each.left);
        EXPECT_EQ(parser.head().authority, each.authority);
    }
}

TEST(RequestParser, KeepAliveByVersionAndConnection) {
    const struct {
        std::string_view version, connection;
        bool keep_alive;
    } table[] = {
        {"1.1", "", true},
        {"1.1", "Connection: close\r\n", false},
        {"1.1", "Connection: x, CLOSE\r\n", false},
        {"1.0", "", false},
        {"1.0", "Connection: keep-alive\r\n", true},
        {"1.0", "Connection: keep-alive\r\nConnection: close\r\n", false},
    };
    for (const auto& each : table) {
        RequestParser parser;
        const std::string text = "GET / HTTP/" + std::string(each.version) + "\r\nHost: a\r\n" +
                                 std::string(each.connection) + "\r\n";
        ASSERT_EQ(parser.parse(text), ParseStatus::kDone);
        EXPECT_EQ(parser.head().keep_alive, each.keep_alive) << text;
    }
}

TEST(RequestParser, UpgradesToWhatHidesRequestsAreNotAsked) {
    const struct {
        std::string_view headers, upgrade;
    } table[] = {
        {"Connection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"},
        {"Connection: Upgrade\r\nUpgrade: h2c\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", ""},
        {"Upgrade: websocket\r\n", ""},
        {"Connection: Upgrade\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", ""},
    };
    for (const auto& each : table) {
        RequestParser parser;
        ASSERT_EQ(parser.parse(get(std::string(each.headers))), ParseStatus::kDone);
        EXPECT_EQ(parser.head().upgrade.empty(), each.upgrade.empty()) << each.headers;
    }
}

TEST(RequestParser, LimitsBeforeTheEndOfALine) {
    const HeadLimits limits{64, 256};
    RequestParser line(limits);
    EXPECT_EQ(line.parse("GET /" + std::string(100, 'a')), ParseStatus::kRefused);
    EXPECT_EQ(line.refusal(), Refusal::kRequestLineTooLong);
    EXPECT_EQ(status_of(line.refusal()), 414);

    RequestParser head(limits);
    EXPECT_EQ(head.parse("GET / HTTP/1.1\r\nA: " + std::string(300, 'a')), ParseStatus::kRefused);
    EXPECT_EQ(head.refusal(), Refusal::kHeadTooLarge);
    EXPECT_EQ(status_of(head.refusal()), 431);

    RequestParser count;
    std::string many;
    for (std::size_t i = 0; i < HeaderTable::kCapacity; ++i) many += "A: b\r\n";
    EXPECT_EQ(count.parse(get(many)), ParseStatus::kRefused);
    EXPECT_EQ(count.refusal(), Refusal::kTooManyHeaders);
}

TEST(RequestParser, ResetForgetsEverything) {
    RequestParser parser;
    ASSERT_EQ(parser.parse(get("A: b\r\n")), ParseStatus::kDone);
    parser.reset();
    ASSERT_EQ(parser.parse(get("")), ParseStatus::kDone);
    EXPECT_EQ(parser.head().headers.fields().size(), 1U);
}

TEST(ResponseParser, BodiesOfResponses) {
    const struct {
        std::string_view text;
        Method method;
        BodyFraming body;
        bool keep_alive;
    } table[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
         Method::kGet,
         {BodyKind::kLength, 5},
         true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::kHead, {}, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Method::kGet, {}, true},
        {"HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n", Method::kGet, {}, true},
        {"HTTP/1.1 204\r\n\r\n", Method::kGet, {}, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
         Method::kGet,
         {BodyKind::kChunked, 0},
         true},
        {"HTTP/1.1 200 OK\r\n\r\n", Method::kGet, {BodyKind::kUntilClose, 0}, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
         Method::kGet,
         {BodyKind::kLength, 1},
         false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n",
         Method::kGet,
         {BodyKind::kLength, 1},
         true},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n",
         Method::kGet,
         {BodyKind::kLength, 1},
         false},
    };
    for (const auto& each : table) {
        for (std::size_t cut = 0; cut < each.text.size(); ++cut) {
            ResponseParser parser;
            ASSERT_EQ(parser.parse(each.text.substr(0, cut), each.method), ParseStatus::kNeedMore);
            ASSERT_EQ(parser.parse(each.text, each.method), ParseStatus::kDone) << each.text;
            EXPECT_EQ(parser.head().body, each.body) << each.text;
            EXPECT_EQ(parser.head().keep_alive, each.keep_alive) << each.text;
        }
    }
}

TEST(ResponseParser, RefusesWhatCouldBeReadInTwoWays) {
    const struct {
        std::string_view text;
        Refusal refusal;
    } table[] = {
        {"HTTP/1.1 20 OK\r\n\r\n", Refusal::kStatusLine},
        {"HTTP/1.1 2000 OK\r\n\r\n", Refusal::kStatusLine},
        {"HTTP/1.1  200 OK\r\n\r\n", Refusal::kStatusLine},
        {"HTTP/1.1 099 OK\r\n\r\n", Refusal::kStatusLine},
        {"HTTP/1.1 600 OK\r\n\r\n", Refusal::kStatusLine},
        {"HTTP/2 200\r\n\r\n", Refusal::kStatusLine},
        {"HTTP/2.0 200 OK\r\n\r\n", Refusal::kVersion},
        {"SSH-2.0-OpenSSH_9.2p1\r\n", Refusal::kStatusLine},
        {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Refusal::kFolded},
        {"HTTP/1.1 200 OK\nA: b\n\n", Refusal::kBareCr},
        {"HTTP/1.1 200 O\rK\r\n\r\n", Refusal::kBareCr},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         Refusal::kLengthAndCoding},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         Refusal::kContentLengthRepeated},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::kTransferCodingInHttp10},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Refusal::kTransferCoding},
    };
    for (const auto& each : table) {
        ResponseParser parser;
        EXPECT_EQ(parser.parse(each.text, Method::kGet), ParseStatus::kRefused) << each.text;
        EXPECT_EQ(parser.refusal(), each.refusal) << each.text;
    }
}

TEST(HeaderId, KnownNamesInAnyCase) {
    EXPECT_EQ(header_id("HOST"), HeaderId::kHost);
    EXPECT_EQ(header_id("x-FORWARDED-for"), HeaderId::kXForwardedFor);
    EXPECT_EQ(header_id("Transfer-Encoding"), HeaderId::kTransferEncoding);
    EXPECT_EQ(header_id("Transfer_Encoding"), HeaderId::kOther);
    EXPECT_EQ(header_id("Hos"), HeaderId::kOther);
    EXPECT_EQ(header_id(""), HeaderId::kOther);
}

}  // namespace
}  // namespace hearth::proxy
