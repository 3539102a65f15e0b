#include "proxy/core/real_client.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/core/forwarded.h"
#include "proxy/core/header_rules.h"
#include "proxy/core/http1_parser.h"

namespace hearth::proxy {
namespace {

const std::vector<IpPrefix> kTrusted{*IpPrefix::parse("10.42.0.0/16")};

// A request whose header fields are `fields`, from a proxy of ours unless said otherwise.
class Request {
public:
    explicit Request(const std::string& fields, TrustedHeader header = TrustedHeader::kForwarded,
                     const std::string& peer = "10.42.0.1")
        : text_("GET / HTTP/1.1\r\nHost: web.home\r\n" + fields + "\r\n"), peer_text_(peer) {
        EXPECT_EQ(parser_.parse(text_), ParseStatus::kDone) << fields;
        peer_.address = *IpAddress::parse(peer);
        peer_.text = peer_text_;
        peer_.trusted = is_trusted(peer_.address, kTrusted);
        peer_.header = header;
    }
    [[nodiscard]] const RequestHead& head() const { return parser_.head(); }
    [[nodiscard]] const Peer& peer() const { return peer_; }
    [[nodiscard]] Origin origin() const { return origin_of(head(), peer_, kTrusted); }
    [[nodiscard]] std::string client() const { return origin().client.to_string(); }

private:
    std::string text_;
    std::string peer_text_;
    RequestParser parser_;
    Peer peer_;
};

TEST(Forwarded, SaysWhoAskedForWhat) {
    const Request request(
        "Forwarded: for=\"203.0.113.9:4711\";proto=https;host=\"photos.example:8443\"\r\n");
    const Origin origin = request.origin();
    EXPECT_EQ(origin.client, *IpAddress::parse("203.0.113.9"));
    EXPECT_EQ(origin.scheme, "https");
    EXPECT_EQ(origin.host, "photos.example:8443");
}

TEST(Forwarded, TheElementOfTheOutermostTrustedProxyCounts) {
    // What the client made up itself comes first.
    const Request request(
        "Forwarded: for=127.0.0.1;proto=https, For=203.0.113.9;Proto=http\r\n"
        "forwarded: for=10.42.7.7;proto=https\r\n");
    EXPECT_EQ(request.client(), "203.0.113.9");
    EXPECT_EQ(request.origin().scheme, "http");
    EXPECT_EQ(passed_addresses(request.head(), request.peer()),
              "127.0.0.1, 203.0.113.9, 10.42.7.7, 10.42.0.1");
}

TEST(Forwarded, ReadsIpv6) {
    EXPECT_EQ(Request("Forwarded: for=\"[2001:db8::1]:80\"\r\n").client(), "2001:db8::1");
    EXPECT_EQ(Request("Forwarded: for=\"[2001:db8::1]\"\r\n").client(), "2001:db8::1");
}

TEST(Forwarded, AHiddenClientIsTheProxyThatHidesIt) {
    for (const char* node : {"unknown", "_hidden", "\"[bad\"", "\"2001:db8::1\""})
        EXPECT_EQ(Request("Forwarded: for=" + std::string(node) + "\r\n").client(), "10.42.0.1");
    EXPECT_EQ(Request("Forwarded: for=203.0.113.9, for=_hidden\r\n").client(), "10.42.0.1");
}

TEST(Forwarded, MalformedIsNotBelievedAtAll) {
    for (const char* value :
         {"for=203.0.113.9;", "for=203.0.113.9,", "for", "for=", "=203.0.113.9", "for =203.0.113.9",
          "for=203.0.113.9 proto=https", "for=\"203.0.113.9", "for=\"203.0.113\\.9\"",
          "for=203.0.113.9;;proto=http", "\"for\"=203.0.113.9", ",for=203.0.113.9"})
        EXPECT_EQ(Request("Forwarded: " + std::string(value) + "\r\n").client(), "10.42.0.1")
            << value;
    std::string many = "Forwarded: for=203.0.113.9";
    for (std::size_t i = 0; i < ForwardedChain::kMost; ++i) many += ",for=203.0.113.9";
    EXPECT_EQ(Request(many + "\r\n").client(), "10.42.0.1");
}

TEST(RealClient, OnlyTheHeaderThatIsTrustedIsBelieved) {
    const std::string both =
        "Forwarded: for=203.0.113.1\r\nX-Forwarded-For: 203.0.113.2\r\n"
        "X-Forwarded-Proto: https\r\n";
    EXPECT_EQ(Request(both, TrustedHeader::kForwarded).client(), "203.0.113.1");
    EXPECT_EQ(Request(both, TrustedHeader::kForwarded).origin().scheme, "http");
    EXPECT_EQ(Request(both, TrustedHeader::kXForwarded).client(), "203.0.113.2");
    for (const TrustedHeader header : {TrustedHeader::kForwarded, TrustedHeader::kXForwarded})
        EXPECT_EQ(Request(both, header, "10.0.0.7").client(), "10.0.0.7") << "nobody's proxy";
}

TEST(RealClient, ForwardedIsWrittenAsItIsRead) {
    const Request request("X-Forwarded-For: 203.0.113.9, fd00::9\r\n", TrustedHeader::kXForwarded);
    const std::string field = forwarded_field(request.head(), request.peer());
    EXPECT_EQ(field,
              "for=203.0.113.9, for=\"[fd00::9]\", for=10.42.0.1;host=\"web.home\";proto=http");
    EXPECT_EQ(Request("Forwarded: " + field + "\r\n").client(), "fd00::9");
}

TEST(RealClient, NobodySendsAnIdentityButAProxyOfOurs) {
    for (const char* name : {"Remote-User",
                             "remote-groups",
                             "X-Forwarded-User",
                             "X-Forwarded-Preferred-Username",
                             "X-Auth-Request-Email",
                             "X-authentik-username",
                             "X-WEBAUTH-USER",
                             "X-Client-IP",
                             "CF-Connecting-IP",
                             "True-Client-IP",
                             "X-Remote-User",
                             "X-Original-URL",
                             "Client-IP",
                             "X-Forwarded-Ssl",
                             "X-Forwarded-Scheme",
                             "X-Forwarded",
                             "Forwarded-For",
                             "X-User",
                             "Front-End-Https",
                             "Tailscale-User-Login",
                             "Cf-Access-Authenticated-User-Email"}) {
        for (const bool is_ours : {false, true}) {
            const Request request(std::string(name) + ": root\r\nX-Requested-With: ajax\r\n",
                                  TrustedHeader::kXForwarded, is_ours ? "10.42.0.1" : "10.0.0.7");
            std::string out(4096, '\0');
            out.resize(write_request_head(request.head(), request.peer(), kTrusted, out));
            EXPECT_EQ(out.find("root") != std::string::npos, is_ours) << name;
            EXPECT_NE(out.find("ajax"), std::string::npos);
        }
    }
    // What programs log in with is theirs, though it begins alike (Miniflux, Rocket.Chat).
    for (const char* name :
         {"User-Agent", "X-Auth-Token", "X-User-Id", "X-Api-Key", "Content-Type"})
        EXPECT_FALSE(carries_identity(name)) << name;
    EXPECT_TRUE(imitates_identity("Remote_User"));
}

}  // namespace
}  // namespace hearth::proxy
