#pragma once

#include <memory>

#include "lb/model/port_rules.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::lb {

// Keeps the firewall's table as the document wants it, also when somebody flushes it. What the
// kernel refuses becomes problem `vip_firewall`: the VIPs work without it. Without VIPs it only
// removes what an earlier instance left.
//
// Used and destroyed on the loop's thread. Destruction leaves the tables: see withdraw().
class PortGuard {
public:
    PortGuard(runtime::EventLoop& loop, runtime::Problems& problems);
    ~PortGuard();

    void apply(const PortRules& desired);
    // How many operations on the firewall's table apply() would take now.
    [[nodiscard]] std::size_t preview(const PortRules& desired);
    void withdraw() { apply({}); }

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
