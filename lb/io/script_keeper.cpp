#include "lb/io/script_keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::lb {
namespace {

constexpr timespec kLookAgain{0, 10'000'000};
constexpr int kMostLooks = 1000;  // some cannot be killed: the kernel waits for their disk

sigset_t keeper_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    return signals;
}

[[noreturn]] void execute(const std::vector<char*>& argv) {
    setpgid(0, 0);
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int standard : {0, 1, 2}) dup2(nowhere, standard);
    static constexpr const char* kEnvironment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", nullptr};
    signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(argv[0], argv.data(), const_cast<char* const*>(kEnvironment));
    _exit(127);
}

struct Process {
    pid_t pid = 0;
    pid_t parent = 0;
};

// "17 (a name) S 1 …": the parent is behind the name, which may hold anything.
pid_t parent_of(const std::string& pid) {
    const int file = open(("/proc/" + pid + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    std::array<char, 512> text{};
    const ssize_t size = read(file, text.data(), text.size());
    close(file);
    const std::string_view line(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    const auto name_end = line.rfind(')');
    pid_t parent = 0;
    if (name_end != std::string_view::npos && line.size() > name_end + 4)
        std::from_chars(line.data() + name_end + 4, line.data() + line.size(), parent);
    return parent;
}

std::vector<Process> all_processes() {
    std::vector<Process> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
    while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
        const std::string name(static_cast<const char*>(entry->d_name));
        Process process;
        const auto read = std::from_chars(name.data(), name.data() + name.size(), process.pid);
        if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) continue;
        process.parent = parent_of(name);
        all.push_back(process);
    }
    return all;
}

// Children and theirs. Who loses its parent becomes a child of this process (subreaper).
void kill_descendants() {
    const std::vector<Process> all = all_processes();
    std::vector<pid_t> family{getpid()};
    for (std::size_t i = 0; i < family.size(); ++i) {
        for (const Process& process : all) {
            if (process.parent != family[i]) continue;
            family.push_back(process.pid);
            kill(process.pid, SIGKILL);
        }
    }
}

// Until nobody is left; one may have been starting another meanwhile.
void end_all(const sigset_t& signals) {
    for (int looks = 0; looks < kMostLooks; ++looks) {
        pid_t ended = 0;
        do {
            ended = waitpid(-1, nullptr, WNOHANG);
        } while (ended > 0);
        if (ended < 0 && errno == ECHILD) return;
        kill_descendants();
        sigtimedwait(&signals, nullptr, &kLookAgain);
    }
}

// Its exit status; -1 when it is to end.
int await_end(pid_t script, const sigset_t& signals) {
    while (true) {
        int status = 0;
        pid_t ended = 0;
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
            if (ended == script) return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        }
        if (sigwaitinfo(&signals, nullptr) == SIGTERM) return -1;
    }
}

}  // namespace

void block_keeper_signals() {
    const sigset_t signals = keeper_signals();
    sigprocmask(SIG_BLOCK, &signals, nullptr);
}

void keep_script(const std::vector<char*>& argv) {
    prctl(PR_SET_NAME, "hearth-script", 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    const sigset_t signals = keeper_signals();
    const pid_t script = fork();
    if (script == 0) execute(argv);
    const int status = script > 0 ? await_end(script, signals) : -1;
    end_all(signals);
    _exit(status == 0 ? 0 : 1);
}

}  // namespace hearth::lb
