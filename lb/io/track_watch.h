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

// What virtual routers track and must be asked, scripts and ports of this node, by the names that
// these call it.
using TrackedTargets = std::map<std::string, CheckTarget>;

// Asks them again and again. Used and destroyed on the loop's thread.
class TrackWatch {
public:
    // `on_verdict` hears each change, and that what is not tracked any more is no obstacle.
    // `scripts` outlives this.
    TrackWatch(runtime::EventLoop& loop, ScriptRunner& scripts,
               std::function<void(const std::string& subject, Health)> on_verdict);
    ~TrackWatch();

    void apply(const TrackedTargets& targets);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
