#pragma once

#include "base/time.h"

namespace hearth::lb {

// What the cores are told.
[[nodiscard]] inline TimePoint now() { return std::chrono::steady_clock::now(); }

}  // namespace hearth::lb
