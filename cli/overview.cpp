#include "cli/commands.h"
#include "cli/manual.h"

// Commands about the command itself.
namespace hearth::cli {

Exit run_version(const Invocation& invocation, Console& console) {
    if (invocation.json())
        console.out << "{\"version\":\"" HEARTH_VERSION "\"}\n";
    else
        console.out << "hearth " HEARTH_VERSION "\n";
    return Exit::kOk;
}

Exit run_completion(const Invocation& invocation, Console& console) {
    const std::string& shell = invocation.arguments[0];
    console.out << (shell == "bash"  ? bash_completion()
                    : shell == "zsh" ? zsh_completion()
                                     : fish_completion());
    return Exit::kOk;
}

Exit run_help(const Invocation& invocation, Console& console) {
    if (invocation.arguments.empty()) {
        console.out << usage();
        return Exit::kOk;
    }
    for (const Command& command : commands()) {
        if (command.words != invocation.arguments[0]) continue;
        console.out << usage(command);
        return Exit::kOk;
    }
    console.complain("there is no command " + invocation.arguments[0], "`hearth help` lists them.");
    return Exit::kUsage;
}

}  // namespace hearth::cli
