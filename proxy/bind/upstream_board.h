#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/bind/target_keeper.h"
#include "proxy/core/snapshot.h"
#include "proxy/io/name_resolver.h"
#include "proxy/model/hop_error.h"
#include "runtime/control_server.h"

namespace hearth::runtime {
class EventLoop;
class MetricSink;
class Problems;
}  // namespace hearth::runtime

namespace hearth::proxy {

// What is known about every upstream: from the workers' requests, and from a connection tried
// every 15 s so that a dead one is known before anybody asks for it. On the control loop.
class UpstreamBoard {
public:
    UpstreamBoard(runtime::EventLoop& loop, runtime::Problems& problems,
                  const TargetKeeper& targets, Prober& prober);

    void adopt(std::shared_ptr<const Snapshot> snapshot);
    void set_addresses(std::shared_ptr<const HostAddresses> addresses);
    // kNone: it took a connection.
    void report(const Endpoint& endpoint, HopReason reason);

    // [{"host","service","upstreams":[{"url","up","detail"}]}]; "up" is null before the first try.
    [[nodiscard]] boost::json::array routes() const;
    // After targets have changed their state.
    void update_problem();
    void collect(runtime::MetricSink& sink) const;
    // GET /probe?service=NAME: asks each endpoint of the service now.
    void probe(const std::string& service, runtime::ControlServer::Reply reply) const;

private:
    [[nodiscard]] boost::json::object describe(const Service& service,
                                               const UpstreamSpec& spec) const;
    [[nodiscard]] std::vector<std::string> places_of(const Service& service) const;
    void check_all();
    [[nodiscard]] std::string name_of(const Endpoint& endpoint) const;

    runtime::Problems& problems_;
    const TargetKeeper& targets_;
    Prober& prober_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<Snapshot>();
    std::shared_ptr<const HostAddresses> addresses_ = std::make_shared<HostAddresses>();
    std::map<Endpoint, HopReason> known_;      // kNone: up
    std::map<Endpoint, std::string> sockets_;  // the paths of those that are Unix sockets
};

}  // namespace hearth::proxy
