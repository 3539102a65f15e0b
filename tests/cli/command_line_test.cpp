#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/command_table.h"
#include "cli/manual.h"

namespace hearth::cli {
namespace {

std::string error_of(const std::vector<std::string>& words) {
    const auto parsed = parse_command_line(words);
    return parsed ? "" : parsed.error().to_string();
}

TEST(CommandLine, FindsCommandArgumentsAndOptions) {
    const auto why = parse_command_line(
        {"--run-dir", "/tmp", "why", "ads.example", "--client=10.0.0.9", "--json"});
    ASSERT_TRUE(why) << why.error().to_string();
    EXPECT_EQ(why->command->words, "why");
    EXPECT_EQ(why->arguments, std::vector<std::string>{"ads.example"});
    EXPECT_EQ(why->option_or("--client", ""), "10.0.0.9");
    EXPECT_EQ(why->run_dir(), "/tmp");
    EXPECT_TRUE(why->json());
    EXPECT_EQ(why->config(), "/etc/hearth/hearth.yaml");
}

TEST(CommandLine, CommandsMayHaveTwoWords) {
    EXPECT_EQ(parse_command_line({"vip", "ls"})->command->words, "vip ls");
    EXPECT_EQ(parse_command_line({"help", "vip", "ls"})->arguments[0], "vip ls");
    EXPECT_EQ(parse_command_line({})->command->words, "help");
    EXPECT_EQ(parse_command_line({"--version"})->command->words, "version");
    EXPECT_TRUE(parse_command_line({"why", "-h"})->has("--help"));
}

TEST(CommandLine, ErrorsSayWhatWasMeant) {
    EXPECT_EQ(error_of({"statsu"}), "unknown command statsu (did you mean status?)");
    EXPECT_EQ(error_of({"vip"}), "vip needs another word: vip ls, vip move, vip renumber");
    EXPECT_EQ(error_of({"vip", "sl"}), "vip needs another word: vip ls, vip move, vip renumber");
    EXPECT_EQ(error_of({"why"}), "why needs NAME");
    EXPECT_EQ(error_of({"why", "a", "b"}), "why does not take b");
    EXPECT_EQ(error_of({"why", "a", "--cleint", "x"}),
              "why does not take --cleint (did you mean --client?)");
    EXPECT_EQ(error_of({"why", "a", "--cleint=x"}),
              "why does not take --cleint (did you mean --client?)");
    EXPECT_EQ(error_of({"why", "a", "--client"}), "--client needs a value");
    EXPECT_EQ(error_of({"status", "--json=yes"}), "--json takes no value");
    EXPECT_EQ(error_of({"tail", "dsn"}), "dsn is not one of dns|proxy|log (did you mean dns?)");
}

TEST(CommandTable, IsWhole) {
    for (const Command& command : commands()) {
        EXPECT_NE(command.run, nullptr) << command.words;
        EXPECT_FALSE(command.help.empty()) << command.words;
        EXPECT_FALSE(command.help.ends_with('.')) << command.words;
        EXPECT_NE(usage(command).find(synopsis(command)), std::string::npos);
        if (command.shown == Shown::kAlways) {
            EXPECT_NE(usage().find(std::string(command.words)), std::string::npos);
        }
    }
}

std::string text_of(const std::filesystem::path& name) {
    std::ifstream in(std::filesystem::path(HEARTH_SOURCE_DIR) / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// After a change to the table: `hearth completion SHELL` and `hearth reference --commands` print
// them anew.
TEST(Manual, FilesInTheTreeAreCurrent) {
    EXPECT_EQ(text_of("cli/completion/hearth.bash"), bash_completion());
    EXPECT_EQ(text_of("cli/completion/_hearth"), zsh_completion());
    EXPECT_EQ(text_of("cli/completion/hearth.fish"), fish_completion());
    EXPECT_EQ(text_of("docs/man/hearth.1.scd"), manual_source());
}

}  // namespace
}  // namespace hearth::cli
