#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::runtime {

enum class Capability : std::uint8_t { kNetBindService, kNetAdmin, kNetRaw, kIpcLock, kSysNice };

// What a daemon may still do after it has begun.
struct Sandbox {
    // Kept in the permitted, effective and bounding sets, as far as the process has them. All
    // others go, the ambient and inheritable sets are emptied.
    std::vector<Capability> keep;
    // System calls beyond those that every daemon needs (files, sockets, threads, time, fork
    // without new namespaces), by name: "bpf". Unknown names are an error.
    std::vector<std::string> extra_syscalls;
};

// For the whole process and its children, for ever: no_new_privs, capabilities, then a system call
// filter. What the filter does not know answers ENOSYS, what it refuses on purpose (exec, ptrace,
// mount, modules, bpf, namespaces…) EPERM; nothing kills. Call it before any thread is started:
// capabilities belong to threads.
[[nodiscard]] Result<void> enter_sandbox(const Sandbox& sandbox);

// Capabilities this process holds in its effective set, as a number for each (capability.h), for
// tests and /status.
[[nodiscard]] std::uint64_t effective_capabilities();

}  // namespace hearth::runtime
