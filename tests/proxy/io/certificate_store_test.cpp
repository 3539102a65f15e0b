#include "proxy/io/certificate_store.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::proxy {
namespace {

CertificateStore::Certificate with_names(std::vector<std::string> names) {
    CertificateStore::Certificate one;
    one.names = std::move(names);
    return one;
}

TEST(CertificateStore, AnExactNameBeatsAWildcardAndTheFirstWins) {
    const CertificateStore store({with_names({"*.my.home"}),
                                  with_names({"web.my.home", "chat.home"}),
                                  with_names({"chat.home"})});
    EXPECT_EQ(store.find("web.my.home"), 1U);
    EXPECT_EQ(store.find("WEB.My.Home"), 1U);
    EXPECT_EQ(store.find("any.my.home"), 0U);
    EXPECT_EQ(store.find("chat.home"), 1U);
}

TEST(CertificateStore, AWildcardStandsForExactlyOneLabel) {
    const CertificateStore store({with_names({"*.my.home"})});
    EXPECT_EQ(store.find("my.home"), std::nullopt);
    EXPECT_EQ(store.find("a.b.my.home"), std::nullopt);
    EXPECT_EQ(store.find(".my.home"), std::nullopt);
    EXPECT_EQ(store.find("*.my.home"), 0U);
}

TEST(CertificateStore, NothingIsFoundForWhatIsNoName) {
    const CertificateStore store({with_names({"*.home", "home"})});
    EXPECT_EQ(store.find(""), std::nullopt);
    EXPECT_EQ(store.find("home."), std::nullopt);
    EXPECT_EQ(store.find(std::string(300, 'a')), std::nullopt);
    EXPECT_EQ(store.find(std::string(250, 'a') + ".home"), 0U);
    EXPECT_EQ(CertificateStore().find("home"), std::nullopt);
}

TEST(LoadCertificates, AMissingFileIsAFaultThatNamesIt) {
    const auto loaded = load_certificates({{"/nowhere/home.pem", "/nowhere/home.key"}}, nullptr);
    EXPECT_TRUE(loaded.store->all().empty());
    ASSERT_EQ(loaded.faults.size(), 1U);
    EXPECT_NE(loaded.faults[0].error.to_string().find("/nowhere/home.pem"), std::string::npos);
}

}  // namespace
}  // namespace hearth::proxy
