#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <boost/json/object.hpp>

#include "dns/bind/house_names.h"
#include "dns/io/file_watch.h"
#include "runtime/event_loop.h"
#include "runtime/problems.h"
#include "runtime/snapshot.h"

namespace hearth::dns {

// Keeps the names of the house up with their files: reads them when they change, away from the
// control thread, and drops leases when they end. On the control thread.
class NameSources {
public:
    // `changed` is called with the names of the document that was given last. `files` outlives
    // this: what they hold is for any thread to load.
    NameSources(runtime::EventLoop& control, runtime::EventLoop& disk, runtime::Problems& problems,
                runtime::Published<NameFiles>& files,
                std::function<void(const HouseNames&)> changed);

    // From now on this document's, with what its files held when it was read. Does not call
    // `changed`: the document's own snapshot has these names.
    void use(const std::shared_ptr<const config::Document>& document, NameFiles files,
             const HouseNames& names);
    // Now and then, at least every few seconds.
    void look(std::int64_t wall_s);

    void add_status(boost::json::object& status) const;

private:
    void read_again();
    void rebuild(std::int64_t wall_s);
    void raise_problems();

    runtime::EventLoop& control_;
    runtime::EventLoop& disk_;
    runtime::Problems& problems_;
    runtime::Published<NameFiles>& files_;
    std::function<void(const HouseNames&)> changed_;
    std::shared_ptr<const config::Document> document_;
    std::int64_t next_end_s_ = Lease::kForever;
    std::size_t leases_ = 0;
    FileWatch watch_;
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // for what is posted
};

}  // namespace hearth::dns
