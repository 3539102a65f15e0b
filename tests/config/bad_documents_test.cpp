#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/load.h"

// One document per rule in tests/config/bad. The first line says what must be found:
// "# expect LINE:COLUMN text", or "# expect FILE:LINE:COLUMN text" where the document is a folder.
namespace hearth::config {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(HEARTH_SOURCE_DIR) / "tests/config/bad";

std::vector<std::string> documents() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(kFolder))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

class BadDocument : public testing::TestWithParam<std::string> {};

TEST_P(BadDocument, IsRefusedAtTheRightPlace) {
    const fs::path path = kFolder / GetParam();
    const fs::path main = fs::is_directory(path) ? path / "hearth.yaml" : path;
    std::string mark;
    std::string expect;
    std::string place;
    std::string text;
    std::ifstream in(main);
    in >> mark >> expect >> place >> std::ws;
    std::getline(in, text);
    ASSERT_EQ(expect, "expect") << main;

    const auto loaded = load(main);
    EXPECT_FALSE(loaded);
    ASSERT_EQ(loaded.findings.size(), 1U) << render(loaded.findings);
    const Diagnostic& finding = loaded.findings[0];
    const bool names_file = std::count(place.begin(), place.end(), ':') == 2;
    const fs::path file = names_file ? path / place.substr(0, place.find(':')) : main;
    const auto where = names_file ? place.substr(place.find(':') + 1) : place;
    EXPECT_EQ(finding.at.to_string(), file.string() + ":" + where);
    EXPECT_NE(finding.headline().find(text), std::string::npos) << finding.headline();
}

INSTANTIATE_TEST_SUITE_P(All, BadDocument, testing::ValuesIn(documents()), [](const auto& one) {
    std::string name = one.param.substr(0, one.param.find('.'));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace hearth::config
