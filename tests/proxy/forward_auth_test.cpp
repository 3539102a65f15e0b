#include "proxy/core/forward_auth.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/core/basic_credentials.h"
#include "proxy/core/http1_parser.h"

namespace hearth::proxy {
namespace {

using Kind = AuthDecision::Kind;

const ForwardAuth kRule{"authelia", "/auth", {"Remote-User"}, "https://auth.home/in?rd={url}"};
const std::string kUrl = "https://web.home/a?b=c d";

RequestHead head_of(std::string& text, RequestParser& parser, const std::string& fields) {
    text = "GET /a HTTP/1.1\r\nHost: web.home\r\n" + fields + "\r\n";
    EXPECT_EQ(parser.parse(text), ParseStatus::kDone);
    return parser.head();
}

bool navigates(const std::string& fields) {
    std::string text;
    RequestParser parser;
    return is_navigation(head_of(text, parser, fields));
}

TEST(ForwardAuth, TellsPagesFromPrograms) {
    EXPECT_TRUE(navigates("Accept: text/html,*/*\r\n"));
    EXPECT_TRUE(navigates("Sec-Fetch-Mode: navigate\r\n"));
    EXPECT_FALSE(navigates(""));
    EXPECT_FALSE(navigates("Accept: application/json\r\n"));
    EXPECT_FALSE(navigates("Accept: text/html\r\nSec-Fetch-Mode: cors\r\n"));
    EXPECT_FALSE(navigates("Accept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n"));
    EXPECT_FALSE(navigates("Accept: text/html\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"));
}

TEST(ForwardAuth, TheQuestionHasTheClientsFieldsAndOurs) {
    std::string text;
    RequestParser parser;
    const RequestHead head = head_of(
        text, parser,
        "Cookie: session=1\r\nAuthorization: Bearer x\r\nConnection: close, X-A\r\nTE: trailers\r\n"
        "Remote-User: root\r\nX-Forwarded-Uri: /forged\r\nContent-Length: 5\r\n");
    const Peer peer{IpAddress::v4(10, 0, 0, 7), "10.0.0.7", false, "https"};
    const std::string question =
        auth_question(head, peer, origin_of(head, peer, {}), "/a?b", "authelia.home", "/auth");
    EXPECT_TRUE(question.starts_with("GET /auth HTTP/1.1\r\nHost: authelia.home\r\n"));
    for (const char* line :
         {"Cookie: session=1", "Authorization: Bearer x", "X-Forwarded-For: 10.0.0.7",
          "X-Forwarded-Method: GET", "X-Forwarded-Proto: https", "X-Forwarded-Host: web.home",
          "X-Forwarded-Port: 443", "X-Forwarded-Uri: /a?b"})
        EXPECT_NE(question.find("\r\n" + std::string(line) + "\r\n"), std::string::npos) << line;
    for (const char* gone : {"root", "forged", "Content-Length", "trailers", "X-A"})
        EXPECT_EQ(question.find(gone), std::string::npos) << gone;
}

TEST(ForwardAuth, YesCopiesTheListedFieldsAndItsCookies) {
    const AuthAnswer yes{
        202, {{"remote-user", "ann"}, {"X-Other", "x"}, {"Set-Cookie", "a=b"}}, {}};
    const AuthDecision decision = decide(yes, kRule, true, kUrl);
    EXPECT_EQ(decision.kind, Kind::kPass);
    ASSERT_EQ(decision.fields.size(), 1U);
    EXPECT_EQ(decision.fields[0].second, "ann");
    EXPECT_EQ(decision.cookies, std::vector<std::string>{"a=b"});
}

TEST(ForwardAuth, APageIsSentWhereTheAnswerSays) {
    const AuthAnswer elsewhere{302, {{"Location", "https://auth.home/"}, {"Server", "x"}}, "go"};
    const AuthDecision page = decide(elsewhere, kRule, true, kUrl);
    EXPECT_EQ(page.kind, Kind::kAnswer);
    EXPECT_EQ(page.status, 302);
    EXPECT_EQ(page.response, "Location: https://auth.home/\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(page.body, "go");
    const AuthDecision script = decide(elsewhere, kRule, false, kUrl);
    EXPECT_EQ(script.kind, Kind::kAnswer);
    EXPECT_EQ(script.status, 401);
    EXPECT_EQ(script.response, "");
}

TEST(ForwardAuth, WhoDoesNotRedirectItselfHasASignInPage) {
    const AuthAnswer no{401, {{"Set-Cookie", "csrf=1"}}, "no"};
    const AuthDecision page = decide(no, kRule, true, kUrl);
    EXPECT_EQ(page.status, 302);
    EXPECT_EQ(page.response,
              "Location: https://auth.home/in?rd=https%3A%2F%2Fweb.home%2Fa%3Fb%3Dc%20d\r\n"
              "Set-Cookie: csrf=1\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(decide(no, kRule, false, kUrl).status, 401);
}

TEST(ForwardAuth, NobodyPassesWithoutAYes) {
    for (const int status : {0, 100, 500, 502, 503})
        EXPECT_EQ(decide({status, {}, {}}, kRule, true, kUrl).kind, Kind::kUnavailable) << status;
    EXPECT_EQ(decide({403, {}, "no"}, kRule, true, kUrl).status, 403);
}

TEST(BasicCredentials, AreReadStrictly) {
    const auto ann = basic_credentials("basic YW5uOmE6Yg==");
    ASSERT_TRUE(ann);
    EXPECT_EQ(ann->user, "ann");
    EXPECT_EQ(ann->password, "a:b");
    EXPECT_TRUE(basic_credentials("Basic YW5uOmE6Yg"));
    for (const char* bad : {"", "Basic", "Bearer YW5uOmE6Yg==", "Basic YW5u",
                            "Basic YW5u*mE6Yg==", "Basic YW5uOgoK", "BasicYW5uOmE6Yg=="})
        EXPECT_FALSE(basic_credentials(bad)) << bad;
    EXPECT_FALSE(basic_credentials("Basic " + std::string(2000, 'A')));
}

}  // namespace
}  // namespace hearth::proxy
