#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "lb/model/node_report.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

// Asks the daemons of this node, ourselves included, for their status every second and makes one
// report of it. Used and destroyed on the loop's thread.
class NodeReporter {
public:
    NodeReporter(runtime::EventLoop& loop, std::filesystem::path run_dir,
                 std::function<void(NodeReport)> on_report);
    ~NodeReporter();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
