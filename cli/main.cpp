#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

#include "cli/command_table.h"

namespace {

using namespace hearth::cli;

bool wants_colour() {
    const char* refusal = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    const bool is_dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
    return isatty(STDOUT_FILENO) == 1 && (refusal == nullptr || *refusal == '\0') && !is_dumb;
}

int run(int argc, char** argv) {
    Console console{std::cout, std::cerr, wants_colour()};
    const auto invocation = parse_command_line({argv + 1, argv + argc});
    if (!invocation) {
        console.complain(invocation.error().to_string(), "`hearth help` lists the commands.");
        return static_cast<int>(Exit::kUsage);
    }
    if (invocation->has("--help") && invocation->command->words != "help") {
        console.out << usage(*invocation->command);
        return static_cast<int>(Exit::kOk);
    }
    const Exit exit = invocation->command->run(*invocation, console);
    console.out.flush();
    return static_cast<int>(exit);
}

}  // namespace

int main(int argc, char** argv) {
    // `hearth tail dns | head` ends quietly.
    std::signal(SIGPIPE, SIG_DFL);
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "hearth: " << error.what() << "\n";
        return static_cast<int>(Exit::kFinding);
    }
}
