#include "certs/io/x509.h"

#include <gtest/gtest.h>

#include "certs/core/calendar.h"
#include "certs/core/scope.h"

namespace hearth::certs {
namespace {

constexpr UnixTime kNow = 1'800'000'000;

Root make_root(const std::string& domain = "home") {
    return std::move(*Root::make(domain, root_validity(kNow)));
}

WantedLeaf leaf(std::string name, std::vector<IpAddress> addresses = {}) {
    return {Consumer::kProxy, std::move(name), std::move(addresses)};
}

TEST(X509, ARootSaysWhatItMaySign) {
    const Root root = make_root("my.home");
    EXPECT_EQ(root.facts().scope, home_scope("my.home"));
    EXPECT_EQ(root.facts().validity, root_validity(kNow));
    EXPECT_TRUE(root.facts().subject.starts_with("Hearth CA my.home "));
    EXPECT_EQ(root.facts().fingerprint.size(), 95U);
    EXPECT_NE(make_root().facts().subject, make_root().facts().subject);
}

TEST(X509, ARootIsReadBack) {
    const Root root = make_root();
    for (const auto& pem : {root.certificate() + root.key(), root.key() + root.certificate()}) {
        const auto again = Root::parse(pem);
        ASSERT_TRUE(again) << again.error().to_string();
        EXPECT_EQ(again->facts().fingerprint, root.facts().fingerprint);
        EXPECT_EQ(again->facts().scope, root.facts().scope);
    }
}

TEST(X509, ALeafIsForItsNameAndAddresses) {
    const Root root = make_root();
    const WantedLeaf wanted =
        leaf("dns.home", {IpAddress::v4(10, 0, 0, 53), *IpAddress::parse("fd00::53")});
    const Validity validity = leaf_validity(kNow, root.facts().validity);
    const auto pem = root.issue(wanted, validity);
    ASSERT_TRUE(pem) << pem.error().to_string();
    const auto good = root.check(wanted, *pem);
    ASSERT_TRUE(good) << good.error().to_string();
    EXPECT_EQ(*good, validity);
    EXPECT_FALSE(root.check(leaf("dns.home"), *pem));
    EXPECT_FALSE(root.check(leaf("web.home"), *pem));
    EXPECT_FALSE(make_root().check(wanted, *pem));
}

TEST(X509, ANameTooLongForASubjectIsStillCertified) {
    const Root root = make_root();
    const WantedLeaf wanted = leaf(std::string(63, 'a') + "." + std::string(63, 'b') + ".home");
    const auto pem = root.issue(wanted, leaf_validity(kNow, root.facts().validity));
    ASSERT_TRUE(pem) << pem.error().to_string();
    EXPECT_TRUE(root.check(wanted, *pem));
}

TEST(X509, ALeafIsNoRoot) {
    const Root root = make_root();
    const auto pem = root.issue(leaf("web.home"), leaf_validity(kNow, root.facts().validity));
    const auto parsed = Root::parse(*pem);
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().to_string().find("may not sign others"), std::string::npos);
}

TEST(X509, WhatIsMissingIsSaid) {
    const Root root = make_root();
    const auto said = [](const std::string& pem) {
        const auto parsed = Root::parse(pem);
        return parsed ? std::string() : parsed.error().to_string();
    };
    EXPECT_NE(said("").find("certificate: there is none"), std::string::npos);
    EXPECT_NE(said(root.certificate()).find("key: there is none"), std::string::npos);
    EXPECT_NE(said(root.certificate() + make_root().key()).find("another certificate"),
              std::string::npos);
}

TEST(X509, HalfAFileIsNoRoot) {
    const Root root = make_root();
    const std::string whole = root.certificate() + root.key();
    for (std::size_t size = 0; size + 1 < whole.size(); ++size)
        EXPECT_FALSE(Root::parse(std::string_view(whole).substr(0, size))) << size;
}

}  // namespace
}  // namespace hearth::certs
