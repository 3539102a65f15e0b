#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/console.h"

// One table of commands: the parser, the help texts, the shells' completion and hearth(1) come from
// it.
namespace hearth::cli {

enum class Need : std::uint8_t { kRequired, kOptional };
enum class Shown : std::uint8_t { kAlways, kHidden };

struct Argument {
    std::string_view name;  // "NAME"; "dns|proxy|log" names the words that are possible
    Need need = Need::kRequired;
    std::string_view help;
};

struct Option {
    std::string_view name;   // "--client"
    std::string_view value;  // "ADDRESS", or empty for a flag
    std::string_view help;
};

struct Invocation;

struct Command {
    std::string_view words;   // "vip ls"
    std::string_view help;    // one line
    std::string_view detail;  // for the manual: what it prints and what its exit code means
    std::vector<Argument> arguments;
    std::vector<Option> options;
    Exit (*run)(const Invocation&, Console&) = nullptr;
    Shown shown = Shown::kAlways;
};

// A command line that was understood.
struct Invocation {
    const Command* command = nullptr;
    std::vector<std::string> arguments;
    std::map<std::string, std::string, std::less<>> options;  // flags have an empty value

    [[nodiscard]] bool has(std::string_view option) const { return options.contains(option); }
    [[nodiscard]] std::string option_or(std::string_view option, std::string_view otherwise) const;
    [[nodiscard]] bool json() const { return has("--json"); }
    [[nodiscard]] std::string config() const {
        return option_or("--config", "/etc/hearth/hearth.yaml");
    }
    [[nodiscard]] std::string run_dir() const { return option_or("--run-dir", "/run/hearth"); }
};

[[nodiscard]] const std::vector<Command>& commands();
// Options that every command takes.
[[nodiscard]] const std::vector<Option>& common_options();

// The command, its arguments and options, in any order after the command's words; common options
// also before them. Errors say what was probably meant.
[[nodiscard]] Result<Invocation> parse_command_line(const std::vector<std::string>& words);

[[nodiscard]] std::string usage();                           // of all commands
[[nodiscard]] std::string usage(const Command& command);     // of one
[[nodiscard]] std::string synopsis(const Command& command);  // "why NAME [--client ADDRESS]"

}  // namespace hearth::cli
