#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lb/io/peer_hub.h"

namespace hearth::lb {

// What became of a message to one other node.
struct RelayOutcome {
    std::string node;
    int status = 0;    // what its daemon answered, as in HTTP; 0: it was not reached
    std::string text;  // its answer, or why there is none
};

// Hands what a daemon here says to the daemons of the same name on the other nodes: there it is
// `POST /peers/<subject>` on that daemon's socket. Understands nothing of what it carries.
//
// Used and destroyed on the loop's thread, before the hub.
class PeerRelay {
public:
    // `on_connected`: a node is there (again), and may not know what was said meanwhile.
    PeerRelay(runtime::EventLoop& loop, PeerHub& hub, std::filesystem::path run_dir,
              std::function<void(const std::string& node)> on_connected);
    ~PeerRelay();

    // `done` gets one outcome per other node, not later than 2 s from now.
    void tell_all(const std::string& topic, std::string body,
                  std::function<void(std::vector<RelayOutcome>)> done);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::lb
