#include "config/schema.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/load.h"

namespace hearth::config {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = HEARTH_SOURCE_DIR;

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// After a change to a table: build/release/bin/hearth reference > docs/reference.md, and the same
// with
// --man for docs/man/hearth.yaml.5.scd.
TEST(Reference, PagesInTheTreeAreCurrent) {
    EXPECT_EQ(text_of(kRoot / "docs/reference.md"), reference_markdown());
    EXPECT_EQ(text_of(kRoot / "docs/man/hearth.yaml.5.scd"), reference_man());
}

TEST(Examples, AllAreGoodAndWithoutWarnings) {
    std::vector<fs::path> documents{kRoot / "config/quickstart.yaml", kRoot / "config/hearth.yaml"};
    for (const auto& entry : fs::directory_iterator(kRoot / "config/examples"))
        documents.push_back(entry.path());
    EXPECT_GE(documents.size(), 7U);
    for (const auto& document : documents) {
        const auto loaded = load(document);
        EXPECT_TRUE(loaded);
        EXPECT_EQ(render(loaded.findings), "") << document;
    }
}

TEST(Schema, HasEveryTopLevelKey) {
    const auto schema = json_schema();
    for (const char* key : {"version", "domain", "lan", "nodes", "vips", "dns", "blocking", "proxy",
                            "services", "peers"})
        EXPECT_NE(schema.find("\n    \"" + std::string(key) + "\": {"), std::string::npos) << key;
}

}  // namespace
}  // namespace hearth::config
