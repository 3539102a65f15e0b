#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/ip.h"
#include "base/mac.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::dns {

// Which addresses each hardware address was last seen with.
using Neighbours = std::map<MacAddress, std::vector<IpAddress>>;

// The kernel's neighbour table (ARP and NDP), kept up by its own notifications. Without the right
// to look it stays empty. On the loop's thread.
class NeighbourTable {
public:
    NeighbourTable(runtime::EventLoop& loop, std::function<void()> changed);
    ~NeighbourTable();

    [[nodiscard]] Neighbours all() const;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::dns
