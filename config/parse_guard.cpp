#include "config/parse_guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "config/diagnostic.h"
#include "config/yaml_parser.h"

namespace hearth::config {
namespace {

using Clock = std::chrono::steady_clock;

// What the child may map beyond what the process has already. A megabyte of "[" or "a:" lines needs
// about 100 MiB of tokens.
constexpr rlim_t kExtraMemory = rlim_t{512} << 20;

rlim_t mapped_bytes() {
    std::ifstream statm("/proc/self/statm");
    rlim_t pages = 0;
    statm >> pages;
    return pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

void limit(__rlimit_resource what, rlim_t value) {
    const rlimit both{value, value};
    setrlimit(what, &both);
}

// Drops the copies of the daemon's sockets: while they are open here, closing one there would
// neither tell its peer nor take it out of an epoll set.
void keep_only(int descriptor) {
    const auto kept = static_cast<unsigned>(descriptor);
    constexpr unsigned kFirst = STDERR_FILENO + 1;
    if (kept > kFirst) close_range(kFirst, kept - 1, 0);
    close_range(kept + 1, ~0U, 0);
}

// The child: one octet to the pipe for each source that came to an end.
[[noreturn]] void parse_all(const SourceSet& sources, int progress, rlim_t memory,
                            std::chrono::milliseconds deadline) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    keep_only(progress);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_AS, memory);
    limit(RLIMIT_CPU, static_cast<rlim_t>(deadline.count() / 1000 + 1));
    for (std::size_t i = 0; i < sources.size(); ++i) {
        Diagnostics ignored(sources);
        (void)parse_yaml(sources, static_cast<std::uint16_t>(i), ignored);
        const char mark = 1;
        if (write(progress, &mark, 1) != 1) _exit(1);
    }
    _exit(0);
}

// Counts the octets that arrive until the writer is gone or the deadline passes.
bool follow(int progress, Clock::time_point until, std::size_t& ended) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
        pollfd ready{progress, POLLIN, 0};
        if (left.count() <= 0) return false;
        const int count = poll(&ready, 1, static_cast<int>(left.count()));
        if (count == 0 || (count < 0 && errno != EINTR)) return false;
        if (count < 0) continue;
        std::array<char, 64> marks;
        const auto size = read(progress, marks.data(), marks.size());
        if (size > 0) ended += static_cast<std::size_t>(size);
        if (size == 0 || (size < 0 && errno != EINTR)) return true;
    }
}

pid_t fork_with_signals_blocked() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t child = fork();
    const int error = errno;
    if (child != 0) pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return child;
}

// A child that was busy for less than this part of the deadline has not looped: the machine kept it
// waiting, or, in a sanitizer's build, it was forked while another thread held an allocator's lock.
constexpr int kBusyPart = 2;
constexpr int kAttempts = 4;

std::chrono::microseconds busy_time(const rusage& usage) {
    const auto of = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Attempt {
    Trial trial;
    std::chrono::microseconds busy{};
};

Attempt attempt_parse(const SourceSet& sources, std::chrono::milliseconds deadline) {
    std::array<int, 2> pipe_ends;
    if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
        return {{Trial::Outcome::kNoProcess, 0, errno}, deadline};
    const auto until = Clock::now() + deadline;
    const rlim_t memory = mapped_bytes() + kExtraMemory;
    const pid_t child = fork_with_signals_blocked();
    if (child == 0) parse_all(sources, pipe_ends[1], memory, deadline);
    const int fork_error = errno;
    close(pipe_ends[1]);
    if (child < 0) {
        close(pipe_ends[0]);
        return {{Trial::Outcome::kNoProcess, 0, fork_error}, deadline};
    }
    std::size_t ended = 0;
    const bool is_over = follow(pipe_ends[0], until, ended);
    close(pipe_ends[0]);
    if (!is_over) kill(child, SIGKILL);
    int status = 0;
    rusage usage{};
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    if (ended >= sources.size()) return {};
    const auto outcome = is_over ? Trial::Outcome::kCrashed : Trial::Outcome::kTimedOut;
    return {{outcome, static_cast<std::uint16_t>(ended), 0}, busy_time(usage)};
}

}  // namespace

Trial try_parse(const SourceSet& sources, std::chrono::milliseconds deadline) {
    Attempt last;
    for (int i = 0; i < kAttempts; ++i) {
        last = attempt_parse(sources, deadline);
        const bool waited =
            last.trial.outcome == Trial::Outcome::kTimedOut && last.busy < deadline / kBusyPart;
        if (!waited) break;
    }
    return last.trial;
}

}  // namespace hearth::config
