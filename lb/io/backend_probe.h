#pragma once

#include <functional>

#include "lb/io/soa_probe.h"
#include "lb/model/balanced_service.h"

namespace hearth::lb {

class ScriptRunner;

// Asks a backend whether it serves. `done` runs once on `loop`, never inside this call, and within
// the check's timeout.
void ask_backend(runtime::EventLoop& loop, ScriptRunner& scripts, const CheckTarget& target,
                 std::function<void(Answered)> done);

}  // namespace hearth::lb
