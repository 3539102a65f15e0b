#include "proxy/core/http2_request.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "proxy/core/header_rules.h"

namespace hearth::proxy {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kGet = {
    {":method", "GET"}, {":scheme", "https"}, {":path", "/a?b"}, {":authority", "web.home"}};

Fields with(Fields fields, const Fields& more) {
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
}

Fields without(const std::string& name) {
    Fields fields;
    for (const auto& field : kGet) {
        if (field.first != name) fields.push_back(field);
    }
    return fields;
}

Fields replaced(const std::string& name, const std::string& value) {
    Fields fields = kGet;
    for (auto& field : fields) {
        if (field.first == name) field.second = value;
    }
    return fields;
}

class Reader {
public:
    Refusal read(const Fields& fields, StreamEnd end = StreamEnd::kEnded) {
        made.start(space_);
        // The views given live only during the call.
        for (auto [name, value] : fields) made.add(name, value);
        return made.finish(end);
    }
    std::string forwarded() {
        std::array<char, 64 * 1024> out;
        const std::size_t size = write_request_head(
            made.head(), Peer{.address = IpAddress::v4(10, 0, 0, 7), .text = "10.0.0.7"}, {}, out);
        return {out.data(), size};
    }

    Http2RequestHead made;

private:
    std::array<char, 32 * 1024> space_{};
};

TEST(Http2Request, BecomesAHead) {
    Reader reader;
    ASSERT_EQ(reader.read(with(kGet, {{"accept", " */* \t"}})), Refusal::kNone);
    const RequestHead& head = reader.made.head();
    EXPECT_EQ(head.method, Method::kGet);
    EXPECT_EQ(head.version, Version::kHttp2);
    EXPECT_EQ(head.target, "/a?b");
    EXPECT_EQ(head.authority, "web.home");
    EXPECT_EQ(head.body.kind, BodyKind::kNone);
    ASSERT_EQ(head.headers.fields().size(), 1U);
    EXPECT_EQ(head.headers.fields()[0].value, "*/*");
    EXPECT_TRUE(reader.forwarded().starts_with("GET /a?b HTTP/1.1\r\nHost: web.home\r\n"));
}

TEST(Http2Request, TheBodyIsFramedAsTheStreamSays) {
    Reader reader;
    ASSERT_EQ(reader.read(kGet, StreamEnd::kOpen), Refusal::kNone);
    EXPECT_EQ(reader.made.head().body.kind, BodyKind::kChunked);
    ASSERT_EQ(reader.read(with(kGet, {{"content-length", "010"}}), StreamEnd::kOpen),
              Refusal::kNone);
    EXPECT_EQ(reader.made.head().body, (BodyFraming{BodyKind::kLength, 10}));
    ASSERT_EQ(reader.read(with(kGet, {{"content-length", "0"}})), Refusal::kNone);
    EXPECT_EQ(reader.made.head().body.kind, BodyKind::kNone);
    EXPECT_EQ(reader.read(with(kGet, {{"content-length", "1"}})), Refusal::kContentLength);
    ASSERT_EQ(reader.read(with(kGet, {{"expect", "100-continue"}}), StreamEnd::kOpen),
              Refusal::kNone);
    EXPECT_TRUE(reader.made.head().expects_continue);
}

TEST(Http2Request, CookiesAreJoined) {
    Reader reader;
    ASSERT_EQ(reader.read(with(kGet, {{"cookie", "a=1"},
                                      {"cookie", "b=2"},
                                      {"accept", "x"},
                                      {"cookie", "c=3"},
                                      {"cookie", "d=4"}})),
              Refusal::kNone);
    const auto fields = reader.made.head().headers.fields();
    ASSERT_EQ(fields.size(), 2U);
    EXPECT_EQ(fields[0].value, "a=1; b=2; c=3; d=4");
    EXPECT_EQ(fields[1].value, "x");
}

TEST(Http2Request, HostServesWhereThereIsNoAuthority) {
    Reader reader;
    ASSERT_EQ(reader.read(with(without(":authority"), {{"host", "web.home"}})), Refusal::kNone);
    EXPECT_EQ(reader.made.head().authority, "web.home");
    EXPECT_EQ(reader.read(with(kGet, {{"host", "WEB.home"}})), Refusal::kNone);
}

TEST(Http2Request, WhatIsRefused) {
    const struct {
        Fields fields;
        Refusal refusal;
    } kTable[] = {
        {without(":method"), Refusal::kPseudoHeader},
        {without(":scheme"), Refusal::kPseudoHeader},
        {without(":path"), Refusal::kPseudoHeader},
        {without(":authority"), Refusal::kHostMissing},
        {replaced(":path", ""), Refusal::kPseudoHeader},
        {replaced(":path", "a"), Refusal::kTarget},
        {replaced(":path", "*"), Refusal::kTarget},
        {replaced(":path", "/a b"), Refusal::kTarget},
        {replaced(":path", "http://web.home/"), Refusal::kTarget},
        {replaced(":path", "/ HTTP/1.1\r\nA: b"), Refusal::kBareCr},
        {replaced(":path", std::string(9000, '/')), Refusal::kRequestLineTooLong},
        {replaced(":method", "GE T"), Refusal::kMethod},
        {replaced(":method", std::string(33, 'A')), Refusal::kMethod},
        {replaced(":method", "CONNECT"), Refusal::kConnect},
        {replaced(":scheme", "ftp"), Refusal::kPseudoHeader},
        {replaced(":authority", "me@web.home"), Refusal::kHostInvalid},
        {replaced(":authority", "web.home/x"), Refusal::kHostInvalid},
        {with(kGet, {{":path", "/"}}), Refusal::kPseudoHeader},
        {with(kGet, {{":status", "200"}}), Refusal::kPseudoHeader},
        {with(kGet, {{":unknown", "x"}}), Refusal::kPseudoHeader},
        {with({{"accept", "x"}}, kGet), Refusal::kPseudoHeader},
        {with(kGet, {{":protocol", "websocket"}}), Refusal::kPseudoHeader},
        {with(kGet, {{"host", "other.home"}}), Refusal::kAuthorityDiffers},
        {with(without(":authority"), {{"host", "a"}, {"host", "a"}}), Refusal::kHostRepeated},
        {with(kGet, {{"Accept", "x"}}), Refusal::kHeaderName},
        {with(kGet, {{"", "x"}}), Refusal::kHeaderName},
        {with(kGet, {{"a b", "x"}}), Refusal::kHeaderName},
        {with(kGet, {{"a:b", "x"}}), Refusal::kHeaderName},
        {with(kGet, {{"a\r\nb", "x"}}), Refusal::kHeaderName},
        {with(kGet, {{"a", "x\r\nb: c"}}), Refusal::kBareCr},
        {with(kGet, {{"a", "x\nb"}}), Refusal::kBareCr},
        {with(kGet, {{"a", std::string("x\0y", 3)}}), Refusal::kNul},
        {with(kGet, {{"a", "x\x7f"}}), Refusal::kHeaderValue},
        {with(kGet, {{"connection", "close"}}), Refusal::kConnectionHeader},
        {with(kGet, {{"keep-alive", "5"}}), Refusal::kConnectionHeader},
        {with(kGet, {{"proxy-connection", "x"}}), Refusal::kConnectionHeader},
        {with(kGet, {{"transfer-encoding", "chunked"}}), Refusal::kConnectionHeader},
        {with(kGet, {{"upgrade", "h2c"}}), Refusal::kConnectionHeader},
        {with(kGet, {{"te", "gzip"}}), Refusal::kConnectionHeader},
        {with(kGet, {{"content-length", "1"}, {"content-length", "1"}}),
         Refusal::kContentLengthRepeated},
        {with(kGet, {{"content-length", "+1"}}), Refusal::kContentLength},
        {with(kGet, {{"expect", "200-maybe"}}), Refusal::kExpectation},
        {with(kGet, Fields(130, {"a", "b"})), Refusal::kTooManyHeaders},
        {with(kGet, {{"a", std::string(29'000, 'x')}}), Refusal::kHeadTooLarge},
    };
    Reader reader;
    for (const auto& each : kTable) {
        EXPECT_EQ(reader.read(each.fields), each.refusal)
            << each.fields.back().first << ": " << each.fields.back().second;
    }
    EXPECT_EQ(reader.read(kGet), Refusal::kNone) << "nothing is left of those before";
}

TEST(Http2Request, CookiesThatDoNotFitAreRefused) {
    Fields fields = kGet;
    for (int i = 0; i < 10; ++i) {
        fields.emplace_back("cookie", std::string(2400, 'x'));
        fields.emplace_back("a", "b");  // so that each is copied anew
    }
    Reader reader;
    EXPECT_EQ(reader.read(fields, StreamEnd::kEnded), Refusal::kHeadTooLarge);
}

TEST(Http2Request, AWebSocketBecomesAnUpgrade) {
    const Fields connect = with(replaced(":method", "CONNECT"), {{":protocol", "websocket"},
                                                                 {"sec-websocket-version", "13"},
                                                                 {"sec-websocket-key", "mine"}});
    Reader reader;
    ASSERT_EQ(reader.read(connect, StreamEnd::kOpen), Refusal::kNone);
    const std::string head = reader.forwarded();
    EXPECT_TRUE(head.starts_with("GET /a?b HTTP/1.1\r\n")) << head;
    EXPECT_NE(head.find("Connection: Upgrade\r\nUpgrade: websocket\r\n"), std::string::npos);
    EXPECT_NE(head.find("Sec-WebSocket-Key: "), std::string::npos);
    EXPECT_EQ(head.find("mine"), std::string::npos);
    EXPECT_EQ(reader.read(connect, StreamEnd::kEnded), Refusal::kPseudoHeader);
    const Fields other = with(replaced(":method", "CONNECT"), {{":protocol", "connect-udp"}});
    EXPECT_EQ(reader.read(other, StreamEnd::kOpen), Refusal::kPseudoHeader);
}

}  // namespace
}  // namespace hearth::proxy
