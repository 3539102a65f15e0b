#include "proxy/core/error_page.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

ErrorPage refused_connection() {
    ErrorPage page;
    page.error = {HopReason::kConnectRefused, Refusal::kNone};
    page.status = status_of(page.error);
    page.host = "immich.home";
    page.service = "immich";
    page.upstream = "10.0.0.15:2283";
    page.show_details = true;
    return page;
}

bool mentions(const std::string& body, std::string_view text) {
    return body.find(text) != std::string::npos;
}

TEST(ErrorPage, NamesTheHopThatFailedAndWhatToDo) {
    const std::string html = render(refused_connection(), PageFormat::kHtml);
    for (const auto* text : {"502 Bad Gateway", "immich.home", "10.0.0.15:2283", "upstream",
                             "connect_refused", "Start the service"}) {
        EXPECT_TRUE(mentions(html, text)) << text;
    }
}

TEST(ErrorPage, StrangersGetNoDetails) {
    ErrorPage page = refused_connection();
    page.show_details = false;
    page.known_hosts = {"nextcloud.home"};
    for (const PageFormat format : {PageFormat::kHtml, PageFormat::kJson}) {
        const std::string body = render(page, format);
        for (const auto* text : {"10.0.0.15", "connect_refused", "immich", "nextcloud"}) {
            EXPECT_FALSE(mentions(body, text)) << text;
        }
    }
}

TEST(ErrorPage, EscapesWhatCameFromOutside) {
    ErrorPage page = refused_connection();
    page.host = "<script>alert(\"x\")&'</script>\x01";
    EXPECT_FALSE(mentions(render(page, PageFormat::kHtml), "<script>"));
    const std::string json = render(page, PageFormat::kJson);
    EXPECT_TRUE(mentions(json, "alert(\\\"x\\\")"));
    EXPECT_TRUE(mentions(json, "\\u0001"));
}

TEST(ErrorPage, UnknownHostListsTheNamesOfTheHouse) {
    ErrorPage page;
    page.error.reason = HopReason::kUnknownHost;
    page.status = status_of(page.error);
    page.show_details = true;
    page.known_hosts = {"immich.home"};
    page.host = "127.0.0.1";
    EXPECT_TRUE(mentions(render(page, PageFormat::kHtml), "404 Not Found"));
    EXPECT_TRUE(mentions(render(page, PageFormat::kHtml), "<a href=\"http://immich.home/\">"));
    page.host = "127.0.0.1:8080";
    EXPECT_TRUE(mentions(render(page, PageFormat::kHtml), "<a href=\"http://immich.home:8080/\">"));
}

TEST(ErrorPage, FormatByAccept) {
    EXPECT_EQ(page_format(""), PageFormat::kHtml);
    EXPECT_EQ(page_format("*/*"), PageFormat::kHtml);
    EXPECT_EQ(page_format("text/html,application/json"), PageFormat::kHtml);
    EXPECT_EQ(page_format("application/json"), PageFormat::kJson);
    EXPECT_EQ(page_format("application/problem+json"), PageFormat::kJson);
}

TEST(HopError, StatusOfEachReason) {
    const struct {
        HopReason reason;
        Hop hop;
        int status;
    } table[] = {
        {HopReason::kUnknownHost, Hop::kProxy, 404},
        {HopReason::kNoUpstream, Hop::kProxy, 503},
        {HopReason::kNameNotResolved, Hop::kUpstream, 503},
        {HopReason::kConnectRefused, Hop::kUpstream, 502},
        {HopReason::kConnectTimeout, Hop::kUpstream, 504},
        {HopReason::kUnreachable, Hop::kUpstream, 502},
        {HopReason::kClosedEarly, Hop::kUpstream, 502},
        {HopReason::kBadResponse, Hop::kUpstream, 502},
        {HopReason::kTlsFailed, Hop::kUpstream, 502},
        {HopReason::kSpeaksNoTls, Hop::kUpstream, 502},
        {HopReason::kTlsTimeout, Hop::kUpstream, 504},
        {HopReason::kNoTunnel, Hop::kUpstream, 502},
        {HopReason::kResponseTimeout, Hop::kUpstream, 504},
        {HopReason::kRequestTimeout, Hop::kClient, 408},
        {HopReason::kClientGone, Hop::kClient, 0},
    };
    for (const auto& each : table) {
        EXPECT_EQ(hop_of(each.reason), each.hop) << to_string(each.reason);
        EXPECT_EQ(status_of(HopError{each.reason, {}}), each.status) << to_string(each.reason);
    }
}

}  // namespace
}  // namespace hearth::proxy
