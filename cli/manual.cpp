#include "cli/manual.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "cli/command_table.h"

namespace hearth::cli {
namespace {

struct Word {
    std::string text;
    std::string help;
};

std::string first_word(const Command& command) {
    return std::string(command.words.substr(0, command.words.find(' ')));
}

// The choices of a command's next word: "ls" of "vip", "dns proxy log" of "tail".
std::vector<Word> second_words(const std::string& first) {
    std::vector<Word> words;
    for (const Command& command : commands()) {
        if (command.shown == Shown::kHidden || first_word(command) != first) continue;
        const auto space = command.words.find(' ');
        if (space != std::string_view::npos)
            words.push_back(
                {std::string(command.words.substr(space + 1)), std::string(command.help)});
        for (const Argument& argument : command.arguments) {
            if (argument.name.find('|') == std::string_view::npos) continue;
            for (auto rest = argument.name; !rest.empty();) {
                const auto end = std::min(rest.find('|'), rest.size());
                words.push_back({std::string(rest.substr(0, end)), std::string(argument.help)});
                rest.remove_prefix(std::min(end + 1, rest.size()));
            }
        }
    }
    return words;
}

std::vector<Word> first_words() {
    std::vector<Word> words;
    for (const Command& command : commands()) {
        if (command.shown == Shown::kHidden) continue;
        const auto first = first_word(command);
        const bool is_new = std::none_of(words.begin(), words.end(),
                                         [&first](const Word& one) { return one.text == first; });
        if (is_new) words.push_back({first, std::string(command.help)});
    }
    return words;
}

std::vector<Word> all_options() {
    std::map<std::string, std::string> options;
    for (const Option& option : common_options()) options.emplace(option.name, option.help);
    for (const Command& command : commands()) {
        if (command.shown == Shown::kHidden) continue;
        for (const Option& option : command.options) options.emplace(option.name, option.help);
    }
    std::vector<Word> words;
    words.reserve(options.size());
    for (const auto& [name, help] : options) words.push_back({name, help});
    return words;
}

std::string joined(const std::vector<Word>& words) {
    std::string text;
    for (const Word& word : words) text += (text.empty() ? "" : " ") + word.text;
    return text;
}

std::string single_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string scdoc(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '*' || c == '_' || c == '\\' || c == '<' || c == '#') out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

}  // namespace

std::string bash_completion() {
    std::string out =
        "# bash completion for hearth; made by `hearth completion bash`\n"
        "_hearth() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words\n"
        "    case $previous in\n"
        "        --config) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
        "        --run-dir|--state-dir) COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n"
        "    esac\n"
        "    if [[ $current == -* ]]; then\n"
        "        COMPREPLY=($(compgen -W '" +
        joined(all_options()) +
        "' -- \"$current\")); return\n"
        "    fi\n"
        "    case $previous in\n";
    for (const Word& first : first_words()) {
        const auto second = second_words(first.text);
        if (!second.empty())
            out += "        " + first.text + ") words='" + joined(second) + "' ;;\n";
    }
    return out +
           "        check) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
           "        *) [ \"$COMP_CWORD\" = 1 ] && words='" +
           joined(first_words()) +
           "' ;;\n"
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "}\n"
           "complete -F _hearth hearth\n";
}

std::string zsh_completion() {
    std::string out =
        "#compdef hearth\n"
        "# made by `hearth completion zsh`\n"
        "local -a choices options\n"
        "options=(\n";
    for (const Word& option : all_options())
        out += "  " + single_quoted(option.text + ":" + option.help) + "\n";
    out +=
        ")\n[[ $PREFIX == -* ]] && { _describe option options; return }\ncase $words[CURRENT-1] "
        "in\n";
    for (const Word& first : first_words()) {
        const auto second = second_words(first.text);
        if (second.empty()) continue;
        out += "  " + first.text + ") choices=(";
        for (const Word& word : second) out += single_quoted(word.text + ":" + word.help) + " ";
        out += ") ;;\n";
    }
    out += "  check) _files; return ;;\n  *) choices=(";
    for (const Word& word : first_words())
        out += "\n    " + single_quoted(word.text + ":" + word.help);
    return out + "\n  ) ;;\nesac\n_describe command choices\n";
}

std::string fish_completion() {
    std::string out =
        "# fish completion for hearth; made by `hearth completion fish`\ncomplete -c hearth -f\n";
    for (const Word& first : first_words()) {
        out += "complete -c hearth -n __fish_use_subcommand -a " + first.text + " -d " +
               single_quoted(first.help) + "\n";
        for (const Word& second : second_words(first.text))
            out += "complete -c hearth -n '__fish_seen_subcommand_from " + first.text + "' -a " +
                   second.text + " -d " + single_quoted(second.help) + "\n";
    }
    out += "complete -c hearth -n '__fish_seen_subcommand_from check' -F\n";
    for (const Word& option : all_options())
        out += "complete -c hearth -l " + option.text.substr(2) + " -d " +
               single_quoted(option.help) + "\n";
    return out;
}

std::string manual_source() {
    std::string out =
        "hearth(1)\n\n# NAME\n\nhearth - asks and tells the daemons of a Hearth home\n\n# "
        "SYNOPSIS\n\n"
        "*hearth* _COMMAND_ [*--json*] [*--config* _PATH_] [*--run-dir* _DIR_]\n\n# DESCRIPTION\n\n"
        "*hearth* talks to the daemons of this node over their sockets in */run/hearth*. Root and "
        "members of the group *hearth* may use it. Colour is used on a terminal only, and not "
        "where *NO_COLOR* is set.\n\n"
        "# COMMANDS\n\n";
    for (const Command& command : commands()) {
        if (command.shown == Shown::kHidden) continue;
        out += "*" + scdoc(synopsis(command)) + "*\n\t" + scdoc(command.help) + ".";
        if (!command.detail.empty()) out += " " + scdoc(command.detail);
        out += "\n\n";
        for (const Option& option : command.options)
            out += "\t*" + scdoc(option.name) + "* " + scdoc(option.value) + ": " +
                   scdoc(option.help) + "\n\n";
    }
    out += "# OPTIONS\n\nThey may stand before or after the command.\n\n";
    for (const Option& option : common_options()) {
        out += "*" + scdoc(option.name) + "*";
        if (!option.value.empty()) out += " _" + scdoc(option.value) + "_";
        out += "\n\t" + scdoc(option.help) + "\n\n";
    }
    return out +
           "# EXIT STATUS\n\n*0*\n\tGood.\n\n*1*\n\tA negative finding: blocked, degraded, a hop "
           "that fails.\n\n"
           "*2*\n\tThe command line was not understood.\n\n*3*\n\tThe document is not good.\n\n"
           "*4*\n\tA daemon does not run or does not answer.\n\n*5*\n\tNo permission.\n\n"
           "# SEE ALSO\n\n*hearth.yaml*(5), *hearth-dns*(8), *hearth-lb*(8), *hearth-proxy*(8), "
           "*hearth-lists*(8)\n";
}

}  // namespace hearth::cli
