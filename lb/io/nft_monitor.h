#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>

#include "base/result.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::lb {

// Calls `on_change` on `loop` after somebody else than `ours` (netlink port numbers of our own
// sockets) changed a table named hearth, or notifications were lost.
class NftMonitor {
public:
    [[nodiscard]] static Result<std::unique_ptr<NftMonitor>> open(runtime::EventLoop& loop,
                                                                  std::set<std::uint32_t> ours,
                                                                  std::function<void()> on_change);
    ~NftMonitor();

private:
    struct Impl;
    explicit NftMonitor(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
