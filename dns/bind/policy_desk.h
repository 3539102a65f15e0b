#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/document.h"
#include "dns/bind/house_policy.h"
#include "dns/bind/policy_spread.h"
#include "dns/core/overrides.h"
#include "dns/io/neighbour_table.h"
#include "runtime/control_server.h"
#include "runtime/daemon_options.h"

namespace hearth::runtime {
class EventLoop;
class Problems;
}  // namespace hearth::runtime

namespace hearth::dns {

// Takes `hearth allow`, `hearth deny` and `hearth blocking`, keeps them in policy.json of the
// state directory, tells the other nodes and takes what they tell, and notices when they, a
// schedule or a device's address make other policies. On the control thread.
class PolicyDesk {
public:
    // `changed` is called when the snapshot has to be made anew. Reads policy.json.
    PolicyDesk(runtime::EventLoop& control, runtime::EventLoop& disk, runtime::Problems& problems,
               const runtime::DaemonOptions& options, std::function<void()> changed);

    void use(const std::shared_ptr<const config::Document>& document, std::string node);
    void add_routes(runtime::ControlServer& server);
    // At least once a second.
    void look(std::int64_t wall_s);

    // apply_moment() with what holds now; clients that are too many become a problem.
    void apply(Snapshot& snapshot, std::int64_t wall_s);
    [[nodiscard]] const HouseMoment& moment() const noexcept { return moment_; }
    void add_status(boost::json::object& status) const;

private:
    void read();
    void take(const runtime::ControlRequest& request, const runtime::ControlServer::Reply& reply);
    void merge(const runtime::ControlRequest& request, const runtime::ControlServer::Reply& reply);
    [[nodiscard]] Result<Override> understand(const runtime::ControlRequest& request) const;
    void save(std::function<void(Result<void>)> done);
    [[nodiscard]] boost::json::object report() const;
    void refresh_moment(std::int64_t wall_s);

    runtime::EventLoop& control_;
    runtime::EventLoop& disk_;
    runtime::Problems& problems_;
    std::filesystem::path path_;
    std::function<void()> changed_;
    std::shared_ptr<const config::Document> document_;
    std::string node_;
    Overrides overrides_;
    PolicySpread spread_;
    HouseMoment moment_;  // of the snapshot that was made last
    std::vector<bool> schedules_;
    bool neighbours_changed_ = false;
    NeighbourTable neighbours_;
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // for what is posted
};

}  // namespace hearth::dns
