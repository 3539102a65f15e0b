#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "lb/core/flow_memory.h"
#include "lb/io/flow_redirect.h"
#include "lb/io/nft_monitor.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::lb {

// Open TCP connections of the nodes that owned VIPs before: FlowRedirect kept as it should be,
// whatever the host refuses and somebody else flushes.
//
// Used and destroyed on the loop's thread.
class OpenConnections {
public:
    struct Host {
        std::function<std::vector<VipPlace>()> places;
        std::function<void()> on_flushed;  // nothing is led anywhere now
    };
    OpenConnections(runtime::EventLoop& loop, runtime::Problems& problems, Host host);

    // Before it is urgent: the kernel needs a few milliseconds for it.
    void open();
    void set_backends(Backends backends) noexcept { backends_ = backends; }
    // Some VIP came here or left.
    void moved() { memory_.moved(host_.places()); }
    // Those that this host has now, for when it owns again.
    void remember();
    // Some of `wanted` is not led there yet.
    [[nodiscard]] bool lacks(const std::vector<LedBack>& wanted) const;
    // Somebody may be without an answer until this is done; or the old owner still serves.
    [[nodiscard]] bool is_urgent(const std::vector<LedBack>& wanted) const;
    void lead(const std::vector<LedBack>& wanted);
    void close() noexcept { monitor_.reset(); }
    void withdraw();
    // How often the kernel was asked for all connections.
    struct Asked {
        std::uint64_t ahead = 0;
        std::uint64_t at_takeover = 0;
    };
    [[nodiscard]] const Asked& asked() const noexcept { return asked_; }

private:
    // Takes the kernel 10 ms for each family where there are backends, and more where it has room
    // for more connections.
    Result<void> look();
    Result<void> apply(const std::vector<LedBack>& wanted, const std::vector<Redirect>& led);
    Result<void> open_flows();
    void restore();
    void report(const Result<void>& done);

    runtime::EventLoop& loop_;
    runtime::Problems& problems_;
    Host host_;
    Backends backends_ = Backends::kNone;
    std::optional<FlowRedirect> flows_;
    std::unique_ptr<NftMonitor> monitor_;
    std::vector<LedBack> led_;
    std::vector<TcpFlow> own_;
    TimePoint looked_{};
    FlowMemory memory_;  // whether `own_` is all
    Asked asked_;
};

}  // namespace hearth::lb
