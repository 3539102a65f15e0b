#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "lb/io/flow_redirect.h"
#include "lb/io/nft_monitor.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::lb {

// Some owner is silent, and clients have been without an answer for three intervals.
[[nodiscard]] bool is_urgent(const std::vector<LedBack>& wanted);

// Open TCP connections of the nodes that owned VIPs before: FlowRedirect kept as it should be,
// whatever the host refuses and somebody else flushes.
//
// Used and destroyed on the loop's thread.
class OpenConnections {
public:
    // `on_flushed`: nothing is led anywhere now.
    OpenConnections(runtime::EventLoop& loop, runtime::Problems& problems,
                    std::function<void()> on_flushed);

    // Before it is urgent: the kernel needs a few milliseconds for it.
    void open();
    // Those that this host has to `vips` now. It is no owner of them any more, or not yet, so there
    // will be no others. Takes the kernel 10 ms for each family where there are backends.
    void remember(const std::vector<IpAddress>& vips, Backends backends);
    // Some of `wanted` is not led there yet.
    [[nodiscard]] bool lacks(const std::vector<LedBack>& wanted) const;
    void lead(const std::vector<LedBack>& wanted, Backends backends);
    void close() noexcept { monitor_.reset(); }
    void withdraw();

private:
    Result<void> apply(const std::vector<LedBack>& wanted, Backends backends);
    Result<void> open_flows();
    void restore();
    void report(const Result<void>& done);

    runtime::EventLoop& loop_;
    runtime::Problems& problems_;
    std::function<void()> on_flushed_;
    std::optional<FlowRedirect> flows_;
    std::unique_ptr<NftMonitor> monitor_;
    std::vector<LedBack> led_;
    std::vector<TcpFlow> own_;
};

}  // namespace hearth::lb
