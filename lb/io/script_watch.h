#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "lb/model/balanced_service.h"
#include "lb/model/virtual_router.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

class ScriptRunner;

// Scripts that virtual routers track, by the names that these call them.
using TrackedScripts = std::map<std::string, BackendCheck>;

// Runs them again and again. Used and destroyed on the loop's thread.
class ScriptWatch {
public:
    // `on_verdict` hears each change, and that a script which is not tracked any more is no
    // obstacle. `scripts` outlives this.
    ScriptWatch(runtime::EventLoop& loop, ScriptRunner& scripts,
                std::function<void(const std::string& subject, Health)> on_verdict);
    ~ScriptWatch();

    void apply(const TrackedScripts& scripts);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
