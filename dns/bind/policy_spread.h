#pragma once

#include <boost/json/array.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/core/overrides.h"
#include "runtime/control_client.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::dns {

// Carries what was said here to the hearth-dns of every other node, through hearth-lb and its
// connection to theirs, and all of it to a node that is back. On the control thread.
class PolicySpread {
public:
    // `all` is what is known here.
    PolicySpread(runtime::EventLoop& control, const std::filesystem::path& run_dir,
                 std::function<const Overrides&()> all);

    void use(std::vector<std::string> other_nodes);
    // At least once a second: hearth-lb may start later than we, or anew.
    void look();

    // `done` gets one {"node","holds","why"} per other node, not later than 3 s from now.
    void tell(const Override& said, std::function<void(boost::json::array)> done);
    void tell_all();

private:
    using Answer = Result<runtime::ControlResponse>;
    void post(const std::string& topic, std::string body, std::function<void(Answer)> done);
    [[nodiscard]] boost::json::array nodes_in(const Answer& answer) const;

    runtime::EventLoop& control_;
    std::filesystem::path socket_;
    std::function<const Overrides&()> all_;
    std::vector<std::string> others_;
    std::unique_ptr<runtime::EventStream> stream_;  // tells when a node is back
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace hearth::dns
