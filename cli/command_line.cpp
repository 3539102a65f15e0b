#include <algorithm>

#include "cli/command_table.h"
#include "config/suggest.h"

namespace hearth::cli {
namespace {

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto space = std::min(text.find(' '), text.size());
        words.emplace_back(text.substr(0, space));
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return words;
}

const Option* find_option(const std::vector<Option>& options, std::string_view name) {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [name](const Option& one) { return one.name == name; });
    return found == options.end() ? nullptr : &*found;
}

std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates) {
    const auto meant = config::closest(text, candidates);
    return meant.empty() ? "" : " (did you mean " + meant + "?)";
}

// The command whose words are the first of `words`; the longest wins.
const Command* find_command(const std::vector<std::string>& words) {
    const Command* best = nullptr;
    std::size_t best_size = 0;
    for (const Command& command : commands()) {
        const auto own = split_words(command.words);
        const bool fits =
            own.size() <= words.size() && std::equal(own.begin(), own.end(), words.begin());
        if (!fits || own.size() <= best_size) continue;
        best = &command;
        best_size = own.size();
    }
    return best;
}

Error unknown_command(const std::vector<std::string>& words) {
    std::vector<std::string> known;
    std::string group;
    for (const Command& command : commands()) {
        const auto own = split_words(command.words);
        if (command.shown == Shown::kAlways) known.push_back(own[0]);
        if (own.size() > 1 && own[0] == words[0])
            group += (group.empty() ? "" : ", ") + std::string(command.words);
    }
    if (!group.empty()) return {Errc::kInvalid, "", words[0] + " needs another word: " + group};
    return {Errc::kInvalid, "", "unknown command " + words[0] + did_you_mean(words[0], known)};
}

Result<void> check_arguments(const Invocation& invocation) {
    const Command& command = *invocation.command;
    const auto& given = invocation.arguments;
    if (given.size() > command.arguments.size())
        return fail(
            Errc::kInvalid, "",
            std::string(command.words) + " does not take " + given[command.arguments.size()]);
    for (std::size_t i = 0; i < command.arguments.size(); ++i) {
        const Argument& argument = command.arguments[i];
        if (i >= given.size()) {
            if (argument.need == Need::kOptional) break;
            return fail(Errc::kInvalid, "",
                        std::string(command.words) + " needs " + std::string(argument.name));
        }
        if (argument.name.find('|') == std::string_view::npos) continue;
        std::string choices(argument.name);
        std::replace(choices.begin(), choices.end(), '|', ' ');
        const auto words = split_words(choices);
        if (std::find(words.begin(), words.end(), given[i]) == words.end())
            return fail(Errc::kInvalid, "",
                        given[i] + " is not one of " + std::string(argument.name) +
                            did_you_mean(given[i], words));
    }
    return {};
}

// Words and options of the whole line, apart; an option's value is its next word or follows '='.
struct Line {
    std::vector<std::string> words;
    std::vector<std::pair<std::string, std::string>> options;
};

// Options that take a value are known before the command is.
bool takes_value(std::string_view name) {
    if (const Option* option = find_option(common_options(), name)) return !option->value.empty();
    return std::any_of(commands().begin(), commands().end(), [name](const Command& command) {
        const Option* option = find_option(command.options, name);
        return option != nullptr && !option->value.empty();
    });
}

Result<Line> split_line(const std::vector<std::string>& words) {
    Line line;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (!word.starts_with("-") || word == "-") {
            line.words.push_back(word);
            continue;
        }
        const auto equals = word.find('=');
        std::string name = word == "-h" ? "--help" : word.substr(0, equals);
        std::string value;
        if (equals != std::string::npos) {
            value = word.substr(equals + 1);
        } else if (takes_value(name)) {
            if (++i == words.size()) return fail(Errc::kInvalid, "", name + " needs a value");
            value = words[i];
        }
        line.options.emplace_back(std::move(name), std::move(value));
    }
    return line;
}

}  // namespace

std::string Invocation::option_or(std::string_view option, std::string_view otherwise) const {
    const auto found = options.find(option);
    return found == options.end() ? std::string(otherwise) : found->second;
}

Result<Invocation> parse_command_line(const std::vector<std::string>& words) {
    const auto line = split_line(words);
    if (!line) return fail(line.error());
    Invocation invocation;
    const std::vector<std::string> help{"help"};
    const std::vector<std::string> version{"version"};
    const bool wants_version =
        line->words.empty() && line->options.size() == 1 && line->options[0].first == "--version";
    if (wants_version) {
        invocation.command = find_command(version);
        return invocation;
    }
    invocation.command = find_command(line->words.empty() ? help : line->words);
    if (invocation.command == nullptr) return fail(unknown_command(line->words));
    const Command& command = *invocation.command;
    const auto own = line->words.empty() ? 0 : split_words(command.words).size();
    invocation.arguments.assign(line->words.begin() + static_cast<std::ptrdiff_t>(own),
                                line->words.end());
    // `help vip ls` asks for one command with two words.
    if (command.words == "help" && invocation.arguments.size() > 1) {
        invocation.arguments[0] += " " + invocation.arguments[1];
        invocation.arguments.erase(invocation.arguments.begin() + 1);
    }
    for (const auto& [name, value] : line->options) {
        const Option* option = find_option(command.options, name);
        if (option == nullptr) option = find_option(common_options(), name);
        std::vector<std::string> known;
        for (const Option& one : command.options) known.emplace_back(one.name);
        for (const Option& one : common_options()) known.emplace_back(one.name);
        if (option == nullptr)
            return fail(
                Errc::kInvalid, "",
                std::string(command.words) + " does not take " + name + did_you_mean(name, known));
        if (option->value.empty() && !value.empty())
            return fail(Errc::kInvalid, "", name + " takes no value");
        invocation.options[name] = value;
    }
    if (invocation.has("--help")) return invocation;
    if (auto checked = check_arguments(invocation); !checked) return fail(checked.error());
    return invocation;
}

std::string synopsis(const Command& command) {
    std::string text(command.words);
    for (const Argument& argument : command.arguments) text += " " + std::string(argument.name);
    for (const Option& option : command.options) {
        text += " [" + std::string(option.name);
        if (!option.value.empty()) text += " " + std::string(option.value);
        text += "]";
    }
    return text;
}

std::string usage() {
    std::string text = "usage: hearth COMMAND [--json] [--config PATH] [--run-dir DIR]\n\n";
    std::size_t width = 0;
    for (const Command& command : commands()) {
        if (command.shown == Shown::kAlways) width = std::max(width, synopsis(command).size());
    }
    for (const Command& command : commands()) {
        if (command.shown == Shown::kHidden) continue;
        auto left = synopsis(command);
        left.resize(width + 2, ' ');
        text += "  " + left + std::string(command.help) + "\n";
    }
    return text +
           "\nExit codes: 0 ok, 1 a negative finding, 2 usage, 3 document invalid, 4 a daemon "
           "unreachable, 5 refused.\n";
}

std::string usage(const Command& command) {
    std::string text =
        "usage: hearth " + synopsis(command) + "\n\n" + std::string(command.help) + ".\n";
    if (!command.detail.empty()) text += std::string(command.detail) + "\n";
    text += "\n";
    const auto row = [&text](std::string left, std::string_view help) {
        left.resize(std::max<std::size_t>(left.size() + 2, 22), ' ');
        text += "  " + left + std::string(help) + "\n";
    };
    for (const Argument& argument : command.arguments)
        row(std::string(argument.name), argument.help);
    for (const auto* options : {&command.options, &common_options()}) {
        for (const Option& option : *options)
            row(std::string(option.name) + (option.value.empty() ? "" : " ") +
                    std::string(option.value),
                option.help);
    }
    return text;
}

}  // namespace hearth::cli
