#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/file_descriptor.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

// Forks the process that runs scripts for this one, which itself may not once its sandbox is up.
// That process has no capabilities and gains none, and is nobody when this one is root. It ends
// with the returned connection. Call it before there are threads.
[[nodiscard]] Result<runtime::FileDescriptor> start_script_process();

enum class ScriptResult : std::uint8_t { kGood, kBad };  // exit code 0, or anything else

// Used and destroyed on the loop's thread.
class ScriptRunner {
public:
    ScriptRunner(runtime::EventLoop& loop, runtime::FileDescriptor process);
    ~ScriptRunner();

    // `argv[0]` is an absolute path. `done` runs once on the loop, never inside this call; a script
    // that takes longer than `timeout` is killed with all that it started.
    void run(const std::vector<std::string>& argv, Duration timeout,
             std::function<void(ScriptResult)> done);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
