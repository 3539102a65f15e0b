#include "dns/io/blocklist_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "dns/core/list_compiler.h"

namespace hearth::dns {
namespace {

class BlocklistFile : public testing::Test {
protected:
    BlocklistFile()
        : state_(std::filesystem::temp_directory_path() /
                 ("hearth-blocklist-file-" + std::to_string(::getpid()))),
          layout_(state_) {
        std::filesystem::create_directories(layout_.directory);
    }
    ~BlocklistFile() override { std::filesystem::remove_all(state_); }

    static void write(const std::filesystem::path& path, std::string_view text) {
        std::ofstream(path, std::ios::binary) << text;
    }
    static std::string image_of(std::string_view blocked) {
        ListCompiler compiler({1, 2});
        EXPECT_TRUE(compiler.begin_list("ours"));
        compiler.add({Name::parse(blocked).value(), RuleScope::kName, ListAction::kBlock});
        const auto image = compiler.finish().value();
        return std::string(as_text(image));
    }

    std::filesystem::path state_;
    ListLayout layout_;
};

TEST_F(BlocklistFile, LoadsAnImage) {
    write(layout_.image(), image_of("ads.example"));
    const auto image = load_blocklist_image(layout_.image());
    ASSERT_TRUE(image) << image.error().to_string();
    EXPECT_EQ(image->set.match(Name::parse("ads.example").value()).action, ListAction::kBlock);
    EXPECT_EQ(image->set.lists()[0].name, "ours");
}

TEST_F(BlocklistFile, OutlivesItsFile) {
    write(layout_.image(), image_of("ads.example"));
    const auto image = load_blocklist_image(layout_.image());
    ASSERT_TRUE(image);
    std::filesystem::resize_file(layout_.image(), 0);
    EXPECT_EQ(image->set.match(Name::parse("ads.example").value()).action, ListAction::kBlock);
}

TEST_F(BlocklistFile, SaysWhatIsWrong) {
    EXPECT_EQ(load_blocklist_image(layout_.image()).error().code, Errc::kNotFound);
    write(layout_.image(), "");
    EXPECT_EQ(load_blocklist_image(layout_.image()).error().code, Errc::kTruncated);
    const std::string good = image_of("ads.example");
    write(layout_.image(), good.substr(0, good.size() - 1));
    EXPECT_EQ(load_blocklist_image(layout_.image()).error().code, Errc::kTruncated);
    write(layout_.image(), std::string(good.size(), 'x'));
    const auto junk = load_blocklist_image(layout_.image());
    EXPECT_EQ(junk.error().code, Errc::kInvalid);
    EXPECT_EQ(junk.error().where, layout_.image().string());
}

TEST_F(BlocklistFile, FindsTheLinesAboutAName) {
    write(layout_.copy("one"), "# head\n0.0.0.0 x.ads.example\n||ads.example^\n||other.example^\n");
    write(layout_.copy("two"), "@@||x.ads.example^ # mine\xff\n");
    const auto found = find_listed_rules(layout_, {{"one"}, {"gone"}, {"two"}},
                                         Name::parse("x.ads.example").value());
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].list, "one");
    EXPECT_EQ(found[0].line, 2U);
    EXPECT_EQ(found[0].text, "0.0.0.0 x.ads.example");
    EXPECT_EQ(found[1].text, "||ads.example^");
    EXPECT_EQ(found[2].list, "two");
    EXPECT_EQ(found[2].action, ListAction::kAllow);
    EXPECT_EQ(found[2].text, "@@||x.ads.example^ # mine?");
}

}  // namespace
}  // namespace hearth::dns
