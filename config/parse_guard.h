#pragma once

#include <chrono>
#include <cstdint>

#include "config/source.h"

namespace hearth::config {

// What became of a trial parse in another process.
struct Trial {
    enum class Outcome : std::uint8_t {
        kEnded,     // the parser came to an end with every source; it will again
        kTimedOut,  // it was still busy with `file` at the deadline
        kCrashed,   // it died, or ran into its memory limit, in `file`
        kNoProcess  // no process could be made; `system_error` says why
    };
    Outcome outcome = Outcome::kEnded;
    std::uint16_t file = 0;
    int system_error = 0;
};

// Parses every source in a forked child with limits on time and memory, so that a text that makes
// libfyaml loop or crash costs a child and not the daemon. Blocks for `deadline` at
// most, or up to four times that on a machine so busy that the child hardly ran. Safe beside other
// threads: the child runs on glibc's allocator alone, whose locks fork() hands over free, with
// every signal blocked, and leaves by _exit.
[[nodiscard]] Trial try_parse(const SourceSet& sources, std::chrono::milliseconds deadline);

}  // namespace hearth::config
