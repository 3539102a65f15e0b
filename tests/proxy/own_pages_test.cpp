#include "proxy/core/own_pages.h"

#include <gtest/gtest.h>

#include "proxy/core/trust_page.h"

namespace hearth::proxy {
namespace {

const LocalRoot kRoot{"Hearth CA home 12",
                      "0123456789ABCDEF0123456789ABCDEFFEDCBA9876543210FEDCBA9876543210",
                      "-----BEGIN CERTIFICATE-----\n", std::string("\x30\x82\0\xff", 4)};

OwnPage get(std::string_view target, const LocalRoot* root = &kRoot, std::uint16_t https = 443,
            Method method = Method::kGet) {
    return own_page(method, target, {"hearth.home", https, root});
}

TEST(OwnPages, TheRootInBothForms) {
    EXPECT_EQ(get("/trust/root.crt").body, kRoot.der);
    EXPECT_EQ(get("/trust/root.crt").content_type, "application/x-x509-ca-cert");
    EXPECT_EQ(get("/trust/root.pem").body, kRoot.pem);
}

TEST(OwnPages, ThePageTellsWhatToCompareAndAsksByHttps) {
    for (const auto target : {"/trust", "/trust/", "/trust?x"}) {
        const OwnPage page = get(target);
        EXPECT_EQ(page.status, 200) << target;
        EXPECT_NE(page.body.find(kRoot.fingerprint), std::string::npos);
        EXPECT_NE(page.body.find("https://hearth.home/trust/check"), std::string::npos);
        EXPECT_NE(page.body.find("http://hearth.home/trust/root.pem"), std::string::npos);
        EXPECT_EQ(page.body.find('@'), page.body.find("@media"));  // no mark is left
    }
    EXPECT_NE(get("/trust", &kRoot, 8443).body.find("https://hearth.home:8443/trust/check"),
              std::string::npos);
    EXPECT_NE(get("/trust/check").more_fields.find("Access-Control-Allow-Origin: *"),
              std::string_view::npos);
}

TEST(OwnPages, WhatAnImportedRootIsCalledIsText) {
    LocalRoot root = kRoot;
    root.subject = "<script>&\"";
    EXPECT_EQ(get("/trust", &root).body.find("<script>&"), std::string::npos);
    EXPECT_NE(get("/trust", &root).body.find("&lt;script&gt;&amp;&quot;"), std::string::npos);
    EXPECT_NE(trust_profile({"hearth.home", 443, &root}).find("&lt;script&gt;"), std::string::npos);
}

TEST(OwnPages, WithoutARootThereIsNothingToInstall) {
    EXPECT_EQ(get("/trust", nullptr).status, 200);
    EXPECT_NE(get("/trust", nullptr).body.find("hearth ca init"), std::string::npos);
    for (const auto target : {"/trust/root.crt", "/trust/root.pem", "/trust/hearth.mobileconfig"})
        EXPECT_EQ(get(target, nullptr).status, 404) << target;
}

TEST(OwnPages, OtherPathsAndMethods) {
    EXPECT_EQ(get("/").status, 302);
    for (const auto target : {"/trusty", "/x", "*", "", "/trust/x", "/trust/../trust"})
        EXPECT_EQ(get(target).status, 404) << target;
    EXPECT_EQ(get("/trust", &kRoot, 443, Method::kPost).status, 405);
    EXPECT_EQ(get("/trust", &kRoot, 443, Method::kHead).status, 200);
}

TEST(OwnPages, AProfileHoldsTheRoot) {
    const std::string profile = get("/trust/hearth.mobileconfig").body;
    EXPECT_NE(profile.find("<data>MIIA/w==</data>"), std::string::npos);
    EXPECT_NE(profile.find("<string>01234567-89AB-CDEF-0123-456789ABCDEF</string>"),
              std::string::npos);
    EXPECT_NE(profile.find("<string>FEDCBA98-7654-3210-FEDC-BA9876543210</string>"),
              std::string::npos);
    EXPECT_EQ(profile, get("/trust/hearth.mobileconfig").body);  // the same again: no second entry
}

}  // namespace
}  // namespace hearth::proxy
