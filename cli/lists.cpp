#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "cli/commands.h"

namespace hearth::cli {
namespace {

namespace fs = std::filesystem;

// Under systemd the unit runs as its own user; started by hand from a build tree, the program
// beside this one does.
std::vector<std::string> update_command(const Invocation& invocation) {
    std::error_code error;
    const bool is_installed =
        invocation.run_dir() == "/run/hearth" && fs::exists("/run/systemd/system", error);
    if (is_installed) return {"systemctl", "start", "hearth-lists.service"};
    const auto program = fs::read_symlink("/proc/self/exe", error).parent_path() / "hearth-lists";
    return {program.string(),
            "--config",
            invocation.config(),
            "--run-dir",
            invocation.run_dir(),
            "--state-dir",
            invocation.option_or("--state-dir", "/var/lib/hearth"),
            "--force"};
}

}  // namespace

Exit run_lists_update(const Invocation& invocation, Console& console) {
    const auto command = update_command(invocation);
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        execvp(words[0], words.data());
        _exit(127);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
    if (code == 127)
        console.complain(command[0] + " could not be started", "Is the package installed whole?");
    if (invocation.json()) console.out << "{\"ok\":" << (code == 0 ? "true" : "false") << "}\n";
    if (code == 0) return Exit::kOk;
    if (!invocation.json())
        console.complain("some lists could not be brought up to date; older copies go on serving",
                         "`hearth status` says which, and why.");
    return code == 3 ? Exit::kInvalid : code == 127 ? Exit::kUnreachable : Exit::kFinding;
}

}  // namespace hearth::cli
