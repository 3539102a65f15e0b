#include "proxy/core/http2_translation.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

std::string text_of(const Http2RequestFields& fields) {
    std::string text;
    for (const Http2Field& field : fields.all())
        text.append(field.name).append("=").append(field.value).append("|");
    return text;
}

TEST(Http2Translation, ARequestHeadBecomesFields) {
    Http2RequestFields fields;
    ASSERT_TRUE(
        fields.read("POST /a HTTP/1.1\r\nHost: web.home\r\nX-Kept: Yes\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n",
                    "https"));
    EXPECT_EQ(text_of(fields),
              ":method=POST|:scheme=https|:authority=web.home|:path=/a|x-kept=Yes|");
    EXPECT_EQ(fields.body().kind, BodyKind::kChunked);
    EXPECT_EQ(fields.method(), Method::kPost);
}

TEST(Http2Translation, WhatBelongsToAConnectionStaysBehind) {
    Http2RequestFields fields;
    ASSERT_TRUE(
        fields.read("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\nContent-Type: application/grpc+proto\r\n\r\n",
                    "http"));
    EXPECT_EQ(text_of(fields),
              ":method=GET|:scheme=http|:authority=a|:path=/|content-type=application/grpc+proto|"
              "te=trailers|");
}

TEST(Http2Translation, AnUpgradeBecomesAnExtendedConnect) {
    Http2RequestFields fields;
    ASSERT_TRUE(
        fields.read("GET /chat HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: "
                    "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nConnection: "
                    "Upgrade\r\nUpgrade: WebSocket, other\r\n\r\n",
                    "https", Http2RequestFields::As::kTunnel));
    EXPECT_EQ(text_of(fields),
              ":method=CONNECT|:protocol=websocket|:scheme=https|:authority=a|:path=/chat|"
              "sec-websocket-version=13|");
    EXPECT_EQ(fields.websocket_key(), "dGhlIHNhbXBsZSBub25jZQ==");

    Http1ResponseText text;
    text.open_tunnel(fields.protocol(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    text.add(":status", "200");
    text.add("sec-websocket-protocol", "chat");
    EXPECT_EQ(text.finish(Method::kGet, StreamEnd::kOpen),
              "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\n"
              "Connection: Upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    EXPECT_TRUE(text.is_tunnel());
}

TEST(Http2Translation, ATunnelThatIsRefusedIsAnAnswerLikeAny) {
    Http2RequestFields fields;
    ASSERT_TRUE(
        fields.read("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
                    "http", Http2RequestFields::As::kTunnel));
    Http1ResponseText text;
    text.open_tunnel(fields.protocol(), "");
    text.add(":status", "403");
    EXPECT_EQ(text.finish(Method::kGet, StreamEnd::kOpen),
              "HTTP/1.1 403 \r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_FALSE(text.is_tunnel());
    EXPECT_FALSE(
        fields.read("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http", Http2RequestFields::As::kTunnel));
}

TEST(Http2Translation, WhatIsNoHeadIsRefused) {
    Http2RequestFields fields;
    EXPECT_FALSE(fields.read("GET / HTTP/1.1\r\nHost: a\r\n", "http"));
    EXPECT_FALSE(fields.read("nonsense\r\n\r\n", "http"));
}

TEST(Http2Translation, AnAnswerBecomesAHead) {
    Http1ResponseText text;
    text.add(":status", "200");
    text.add("content-length", "5");
    EXPECT_EQ(text.finish(Method::kGet, StreamEnd::kOpen),
              "HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\n");
    EXPECT_FALSE(text.is_chunked());
    text.add(":status", "200");
    EXPECT_EQ(text.finish(Method::kGet, StreamEnd::kOpen),
              "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_TRUE(text.is_chunked());
}

TEST(Http2Translation, AnInterimAnswerIsFollowedByAnother) {
    Http1ResponseText text;
    text.add(":status", "103");
    text.add("link", "</a>");
    EXPECT_EQ(text.finish(Method::kGet, StreamEnd::kOpen), "HTTP/1.1 103 \r\nlink: </a>\r\n\r\n");
    EXPECT_TRUE(text.is_interim());
    text.add(":status", "204");
    EXPECT_EQ(text.finish(Method::kGet, StreamEnd::kEnded), "HTTP/1.1 204 \r\n\r\n");
    EXPECT_FALSE(text.is_interim());
}

TEST(Http2Translation, AnAnswerOfTrailersAloneIsWholeAtOnce) {
    Http1ResponseText text;
    text.add(":status", "200");
    text.add("grpc-status", "12");
    EXPECT_EQ(text.finish(Method::kPost, StreamEnd::kEnded),
              "HTTP/1.1 200 \r\ngrpc-status: 12\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    text.add(":status", "200");
    EXPECT_EQ(text.finish(Method::kHead, StreamEnd::kEnded), "HTTP/1.1 200 \r\n\r\n");
}

}  // namespace
}  // namespace hearth::proxy
