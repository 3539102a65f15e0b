#pragma once

#include <span>

// The lists behind sandbox.cpp, by name as syscalls(2) has them.
namespace hearth::runtime {

[[nodiscard]] std::span<const char* const> allowed_syscalls();
// Answered with EPERM rather than ENOSYS, so that a log says what happened.
[[nodiscard]] std::span<const char* const> refused_syscalls();

}  // namespace hearth::runtime
