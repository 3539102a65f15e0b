#include "proxy/core/page_template.h"

#include <gtest/gtest.h>

namespace hearth::proxy {
namespace {

ErrorPage page() {
    ErrorPage p;
    p.error = {HopReason::kConnectRefused, Refusal::kNone};
    p.status = 502;
    p.host = "<a href=\"x\">'&";
    p.service = "web";
    p.upstream = "10.0.0.15:80";
    p.show_details = true;
    p.request_id = "0123";
    return p;
}

TEST(PageTemplate, PlaceholdersAreFilledIn) {
    EXPECT_EQ(fill_template("{{status}} {{title}} {{ request_id }}", page()),
              "502 Bad Gateway 0123");
    EXPECT_EQ(fill_template("{{service}} {{upstream}} {{hop}} {{reason}}", page()),
              "web 10.0.0.15:80 upstream connect_refused");
    EXPECT_NE(fill_template("{{message}}{{advice}}", page()).find("listens"), std::string::npos);
}

TEST(PageTemplate, WhatStandsForThemIsEscaped) {
    const std::string filled = fill_template("<p title=\"{{host}}\">{{host}}</p>", page());
    EXPECT_EQ(filled.find("<a"), std::string::npos);
    EXPECT_EQ(filled.find("\"x\""), std::string::npos);
    EXPECT_NE(filled.find("&lt;a"), std::string::npos);
}

TEST(PageTemplate, StrangersGetNoDetails) {
    ErrorPage p = page();
    p.show_details = false;
    EXPECT_EQ(fill_template("{{status}}{{service}}{{upstream}}{{hop}}{{reason}}{{advice}}", p),
              "502");
}

TEST(PageTemplate, OtherBracesStay) {
    for (const char* text : {"", "{", "{{", "{{{", "}}", "{{}}", "{{ }}", "{{nothing}}", "a{b}c",
                             "{{status", "{{sta}}tus}}", "a:hover{color:red}}"})
        EXPECT_EQ(fill_template(text, page()), text);
    EXPECT_EQ(fill_template("{{{status}}}", page()), "{502}");
    EXPECT_EQ(fill_template("{{x}}{{status}}", page()), "{{x}}502");
}

TEST(PageTemplate, ValuesAreNotFilledInAgain) {
    ErrorPage p = page();
    p.host = "{{status}}";
    EXPECT_EQ(fill_template("{{host}}", p), "{{status}}");
}

}  // namespace
}  // namespace hearth::proxy
