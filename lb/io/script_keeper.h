#pragma once

#include <vector>

namespace hearth::lb {

// What a script's keeper and its parent have blocked: its end, and the order to end.
void block_keeper_signals();

// Runs a script in this process's child and ends as it did: with 0, or not. Whatever the script
// started is killed with it, in sessions of its own too: nothing of it gets past this process,
// which is told by SIGTERM, or by its parent's end, that it takes too long.
[[noreturn]] void keep_script(const std::vector<char*>& argv);

}  // namespace hearth::lb
