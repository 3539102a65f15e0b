#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proxy/bind/prober.h"
#include "proxy/core/health_judge.h"
#include "proxy/core/snapshot.h"
#include "proxy/io/name_resolver.h"
#include "proxy/io/upstream_probe.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::proxy {

// Which endpoints may be asked: checks the health of those whose service wants that, and
// remembers which the operator has drained, until he undoes it or the daemon ends. On the
// control loop.
class TargetKeeper {
public:
    using Changed = std::function<void(const std::shared_ptr<const UpstreamStates>&)>;

    TargetKeeper(runtime::EventLoop& loop, Prober& prober, Changed changed);

    void adopt(std::shared_ptr<const Snapshot> snapshot);
    void set_addresses(std::shared_ptr<const HostAddresses> addresses);

    enum class Drain : std::uint8_t { kServes, kDrained };
    // `upstream`: as the document has it, its host and port, or its address. The error says which
    // there are.
    [[nodiscard]] Result<void> drain(std::string_view service, std::string_view upstream,
                                     Drain state);

    [[nodiscard]] TargetState state_of(const std::string& service, const Endpoint& endpoint) const;
    // Why it does not serve: "answers 500 at /health", "drained".
    [[nodiscard]] std::string detail_of(const std::string& service, const Endpoint& endpoint) const;

private:
    using Key = std::pair<std::string, Endpoint>;
    struct Checked {
        HealthCheck check;
        std::string host;
        std::string socket_path;
        std::optional<UpstreamSecurity> security;
        std::string preamble;
        HealthJudge judge;
        TimePoint due{};
        bool asking = false;
        std::string found;  // what the last bad answer was
    };

    void gather();
    void check_due();
    void answered(const Key& key, const ProbeResult& result);
    void publish();

    Prober& prober_;
    Changed changed_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<Snapshot>();
    std::shared_ptr<const HostAddresses> addresses_ = std::make_shared<HostAddresses>();
    std::map<Key, Checked> checked_;
    std::set<Key> drained_;
};

}  // namespace hearth::proxy
