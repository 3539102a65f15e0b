#include "runtime/sandbox.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

namespace hearth::runtime {
namespace {

// A sandbox is for ever: each test enters one in a child. The child's exit code is what `inside`
// returns.
int in_sandbox(const Sandbox& sandbox, const std::function<int()>& inside) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(enter_sandbox(sandbox) ? inside() : 99);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

int errno_of(long result) { return result < 0 ? errno : 0; }

TEST(Sandbox, KeepsOnlyTheNamedCapabilities) {
    Sandbox sandbox;
    sandbox.keep = {Capability::kNetBindService};
    constexpr std::uint64_t kBindService = 1 << 10;
    const std::uint64_t expected = effective_capabilities() & kBindService;
    EXPECT_EQ(in_sandbox(sandbox, [&] { return effective_capabilities() == expected ? 0 : 1; }), 0);
    EXPECT_EQ(in_sandbox({}, [] { return effective_capabilities() == 0 ? 0 : 1; }), 0);
}

TEST(Sandbox, RefusesWhatADaemonHasNoBusinessWith) {
    EXPECT_EQ(in_sandbox({}, [] { return errno_of(::execl("/bin/true", "true", nullptr)); }),
              EPERM);
    EXPECT_EQ(in_sandbox({}, [] { return errno_of(::mount("a", "/", "tmpfs", 0, "")); }), EPERM);
    EXPECT_EQ(in_sandbox({}, [] { return errno_of(::unshare(CLONE_NEWUSER)); }), EPERM);
    EXPECT_EQ(in_sandbox({}, [] { return errno_of(::syscall(SYS_bpf, 0, 0, 0)); }), EPERM);
    EXPECT_EQ(in_sandbox({}, [] { return errno_of(::syscall(SYS_userfaultfd, 0)); }), EPERM);
    EXPECT_EQ(in_sandbox({}, [] { return errno_of(::syscall(SYS_setuid, 1)); }), EPERM);
    EXPECT_EQ(in_sandbox({}, [] { return errno_of(::syscall(SYS_lookup_dcookie, 0)); }), ENOSYS);
    EXPECT_EQ(
        in_sandbox(
            {}, [] { return errno_of(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)); }),
        ENOSYS);
}

TEST(Sandbox, LeavesThreadsChildrenFilesAndSockets) {
    EXPECT_EQ(in_sandbox({},
                         [] {
                             int seen = 0;
                             std::thread([&] { seen = 1; }).join();
                             return seen == 1 ? 0 : 1;
                         }),
              0);
    EXPECT_EQ(in_sandbox({},
                         [] {
                             const pid_t child = ::fork();
                             if (child == 0) ::_exit(7);
                             int status = 0;
                             ::waitpid(child, &status, 0);
                             return WEXITSTATUS(status);
                         }),
              7);
    EXPECT_EQ(in_sandbox({},
                         [] {
                             return std::filesystem::exists("/proc/self/status") &&
                                            ::socket(AF_INET, SOCK_DGRAM, 0) >= 0 &&
                                            ::socket(AF_NETLINK, SOCK_RAW, 0) >= 0
                                        ? 0
                                        : 1;
                         }),
              0);
}

TEST(Sandbox, ExtraSystemCallsAreLetThrough) {
    Sandbox sandbox;
    sandbox.extra_syscalls = {"getpriority", "lookup_dcookie"};
    // The kernel's own answer, not the filter's.
    EXPECT_NE(in_sandbox(sandbox, [] { return errno_of(::syscall(SYS_lookup_dcookie, 0)); }), 99);
    sandbox.extra_syscalls = {"no_such_call"};
    EXPECT_EQ(in_sandbox(sandbox, [] { return 0; }), 99);
}

}  // namespace
}  // namespace hearth::runtime
