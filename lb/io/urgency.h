#pragma once

#include "base/result.h"

// A node that is busy must still advertise in time: what it takes from the kernel. Both are refused
// where limits (LimitMEMLOCK, LimitRTPRIO of the unit) do not allow them, and nothing else changes.
namespace hearth::lb {

// Pages stay in memory once they were touched, now and later; those that only starting needed do
// not.
[[nodiscard]] Result<void> keep_memory();

// The calling thread runs before every ordinary one.
[[nodiscard]] Result<void> run_at_once();

}  // namespace hearth::lb
