#include "proxy/core/header_rules.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/core/http1_parser.h"

namespace hearth::proxy {
namespace {

const std::vector<IpPrefix> kTrusted{*IpPrefix::parse("10.42.0.0/16")};

// The head that an upstream gets for `text` from `peer`.
std::string forwarded(const std::string& text, const std::string& peer = "10.0.0.7") {
    RequestParser parser;
    EXPECT_EQ(parser.parse(text), ParseStatus::kDone) << describe(parser.refusal());
    const IpAddress address = *IpAddress::parse(peer);
    std::string out(4096, '\0');
    out.resize(write_request_head(parser.head(), {address, peer, is_trusted(address, kTrusted)},
                                  kTrusted, out));
    return out;
}

bool has_line(const std::string& head, const std::string& line) {
    return head.find("\r\n" + line + "\r\n") != std::string::npos;
}

bool mentions(const std::string& head, const std::string& text) {
    return head.find(text) != std::string::npos;
}

TEST(RequestHeadRules, TellsWhoAsked) {
    const std::string head =
        forwarded("GET /a%2Fb HTTP/1.0\r\nHost: Hello.home:80\r\nA: b\r\n\r\n");
    EXPECT_TRUE(head.starts_with("GET /a%2Fb HTTP/1.1\r\nHost: Hello.home:80\r\n"));
    EXPECT_TRUE(has_line(head, "A: b"));
    EXPECT_TRUE(has_line(head, "X-Forwarded-For: 10.0.0.7"));
    EXPECT_TRUE(has_line(head, "X-Forwarded-Proto: http"));
    EXPECT_TRUE(has_line(head, "X-Forwarded-Host: Hello.home:80"));
    EXPECT_TRUE(has_line(head, "X-Real-IP: 10.0.0.7"));
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST(RequestHeadRules, AClientCannotForgeItsAddress) {
    const std::string head = forwarded(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n"
        "Forwarded: for=127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
        "X-Forwarded-Port: 1\r\nX_Forwarded_For: 127.0.0.1\r\nX.Real.IP: 127.0.0.1\r\n"
        "Remote_User: root\r\nProxy: evil\r\n\r\n");
    EXPECT_FALSE(mentions(head, "127.0.0.1"));
    EXPECT_FALSE(mentions(head, "evil"));
    EXPECT_FALSE(mentions(head, "root"));
    EXPECT_FALSE(mentions(head, "https"));
    EXPECT_FALSE(mentions(head, "X-Forwarded-Port"));
    EXPECT_TRUE(has_line(head, "X-Forwarded-For: 10.0.0.7"));
}

TEST(RequestHeadRules, ATrustedProxyIsBelieved) {
    const std::string head = forwarded(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9, 10.42.1.1\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example\r\n\r\n",
        "10.42.0.5");
    EXPECT_TRUE(has_line(head, "X-Forwarded-For: 203.0.113.9, 10.42.1.1, 10.42.0.5"));
    EXPECT_TRUE(has_line(head, "X-Forwarded-Proto: https"));
    EXPECT_TRUE(has_line(head, "X-Forwarded-Host: www.example"));
    EXPECT_TRUE(has_line(head, "X-Real-IP: 203.0.113.9"));
}

TEST(RequestHeadRules, WhatATrustedProxysClientForgedStaysBehind) {
    // The client sent "1.1.1.1" itself; the proxy appended what it saw.
    const std::string head = forwarded(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, 203.0.113.9\r\n\r\n", "10.42.0.5");
    EXPECT_TRUE(has_line(head, "X-Real-IP: 203.0.113.9"));
}

TEST(RequestHeadRules, HopByHopFieldsStay) {
    const std::string head = forwarded(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Secret, X-Forwarded-For, Host\r\n"
        "Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nTrailer: y\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAA\r\nX-Secret: z\r\nProxy-Authorization: Basic q\r\nKept: k\r\n\r\n");
    for (const auto* gone : {"Keep-Alive", "keep-alive", "Proxy-Connection", "TE:", "Trailer:",
                             "Upgrade", "X-Secret", "Proxy-Authorization", "Connection"}) {
        EXPECT_FALSE(mentions(head, gone)) << gone;
    }
    EXPECT_TRUE(has_line(head, "Kept: k"));
    EXPECT_TRUE(has_line(head, "X-Forwarded-For: 10.0.0.7"));
    EXPECT_TRUE(mentions(head, "\r\nHost: a\r\n"));
}

TEST(RequestHeadRules, FramingIsOurs) {
    EXPECT_TRUE(has_line(forwarded("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\n\r\n"),
                         "Content-Length: 10"));
    EXPECT_TRUE(has_line(forwarded("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n"),
                         "Content-Length: 0"));
    EXPECT_TRUE(has_line(forwarded("POST / HTTP/1.1\r\nHost: a\r\nConnection: Transfer-Encoding\r\n"
                                   "Transfer-Encoding: Chunked\r\n\r\n"),
                         "Transfer-Encoding: chunked"));
    EXPECT_FALSE(mentions(forwarded("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "Content-Length"));
}

TEST(RequestHeadRules, AbsoluteFormBecomesOriginForm) {
    EXPECT_TRUE(forwarded("GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
                    .starts_with("GET /x?y HTTP/1.1\r\nHost: b\r\n"));
    EXPECT_TRUE(forwarded("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("GET / HTTP"));
    EXPECT_TRUE(
        forwarded("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("GET /?q HTTP"));
    EXPECT_TRUE(
        forwarded("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("OPTIONS * HTTP"));
}

TEST(RequestHeadRules, UpgradeIsAskedAgain) {
    const std::string head = forwarded(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: k\r\n\r\n");
    EXPECT_TRUE(has_line(head, "Connection: Upgrade"));
    EXPECT_TRUE(has_line(head, "Upgrade: websocket"));
    EXPECT_TRUE(has_line(head, "Sec-WebSocket-Key: k"));
}

TEST(RequestHeadRules, TooSmallASpaceIsNoHead) {
    RequestParser parser;
    ASSERT_EQ(parser.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ParseStatus::kDone);
    std::array<char, 40> space;
    EXPECT_EQ(write_request_head(parser.head(), {{}, "10.0.0.7", false}, {}, space), 0U);
}

std::string answered(const std::string& text, BodyKind kind, Version version,
                     ClientConnection connection, Method method = Method::kGet) {
    ResponseParser parser;
    EXPECT_EQ(parser.parse(text, method), ParseStatus::kDone) << describe(parser.refusal());
    std::string out(4096, '\0');
    out.resize(write_response_head(parser.head(), kind, version, connection, out));
    return out;
}

TEST(ResponseHeadRules, HopByHopFieldsStay) {
    const std::string head = answered(
        "HTTP/1.1 200 Fine\r\nConnection: X-Private\r\nX-Private: 1\r\nKeep-Alive: 5\r\n"
        "Server: s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 3\r\n\r\n",
        BodyKind::kLength, Version::kHttp11, ClientConnection::kKeepAlive);
    EXPECT_EQ(head,
              "HTTP/1.1 200 Fine\r\nServer: s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
              "Content-Length: 3\r\n\r\n");
}

TEST(ResponseHeadRules, ConnectionIsOurs) {
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    EXPECT_TRUE(
        has_line(answered(text, BodyKind::kLength, Version::kHttp11, ClientConnection::kClose),
                 "Connection: close"));
    EXPECT_TRUE(
        has_line(answered(text, BodyKind::kLength, Version::kHttp10, ClientConnection::kKeepAlive),
                 "Connection: keep-alive"));
    EXPECT_TRUE(has_line(answered("HTTP/1.1 200 OK\r\n\r\n", BodyKind::kChunked, Version::kHttp11,
                                  ClientConnection::kKeepAlive),
                         "Transfer-Encoding: chunked"));
}

TEST(ResponseHeadRules, LengthsOfBodilessAnswers) {
    EXPECT_TRUE(has_line(answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", BodyKind::kNone,
                                  Version::kHttp11, ClientConnection::kKeepAlive, Method::kHead),
                         "Content-Length: 3"));
    EXPECT_FALSE(mentions(answered("HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", BodyKind::kNone,
                                   Version::kHttp11, ClientConnection::kKeepAlive),
                          "Content-Length"));
}

TEST(ImitatesIdentity, FoldedNames) {
    for (const auto* name :
         {"X_Forwarded_For", "x.real.ip", "Remote_User", "X-Remote_User", "Host_", "Content_Length",
          "transfer.encoding", "Proxy", "X_Auth_Request_User"}) {
        EXPECT_TRUE(imitates_identity(name)) << name;
    }
    for (const auto* name : {"X-Forwarded-For", "Accept", "api_key", "X_Custom", "User-Agent"}) {
        EXPECT_FALSE(imitates_identity(name)) << name;
    }
}

}  // namespace
}  // namespace hearth::proxy
