#include "config/apps.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace hearth::config {
namespace {

Document document(const std::string& services) {
    std::vector<Source> sources;
    sources.emplace_back(
        "hearth.yaml",
        "lan: 10.0.0.0/24\nnodes: {pi4: 10.0.0.11, pi5: 10.0.0.15}\nservices:\n" + services);
    const auto loaded = load_sources(sources, "/etc/hearth", {Parsing::kInProcess, {}});
    EXPECT_TRUE(loaded) << render(loaded.findings);
    return loaded ? *loaded.document : Document{};
}

TEST(Apps, AreInOrderAndWhole) {
    std::string_view before;
    for (const App& app : apps()) {
        EXPECT_LT(before, app.name);
        before = app.name;
        EXPECT_TRUE(app.health.starts_with('/')) << app.name;
        EXPECT_EQ(find_app(app.name), &app);
    }
    EXPECT_GE(apps().size(), 12U);
    EXPECT_EQ(find_app("unheard-of"), nullptr);
}

TEST(Apps, SetWhatIsNotWritten) {
    const Document home = document(
        "  photos: {upstream: \"http://pi5:2283\", app: immich}\n"
        "  cloud: {upstream: \"http://pi5:8081\", app: nextcloud, health: /mine, answer_timeout: "
        "9s}\n"
        "  other: {upstream: \"http://pi5:8082\"}\n");
    EXPECT_EQ(home.services[0].health.path, "/api/server/ping");
    EXPECT_EQ(home.services[0].answer_timeout.count(), 600);
    EXPECT_EQ(home.services[1].health.path, "/mine");
    EXPECT_EQ(home.services[1].answer_timeout.count(), 9);
    EXPECT_EQ(home.services[2].health.path, "");
}

TEST(Apps, AdviceHasTheHomesOwnAddresses) {
    const Document home = document("  ha: {upstream: \"http://pi5:8123\", app: home-assistant}\n");
    const std::string advice = advice_for(*find_app("home-assistant"), home, "ha");
    EXPECT_NE(advice.find("    trusted_proxies:\n      - 10.0.0.11\n      - 10.0.0.15\n"),
              std::string::npos)
        << advice;
    for (const App& app : apps()) {
        const std::string text = advice_for(app, home, "ha");
        EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
        EXPECT_TRUE(text.empty() || text.ends_with('\n'));
    }
    EXPECT_NE(advice_for(*find_app("nextcloud"), home, "cloud")
                  .find("'trusted_proxies' => ['10.0.0.11', '10.0.0.15']"),
              std::string::npos);
}

}  // namespace
}  // namespace hearth::config
