#pragma once

#include <memory>

#include "runtime/acceptor.h"
#include "runtime/control_server.h"

// One connection of the control server; of interest to control_server.cpp only.
namespace hearth::runtime {

class ControlSession;

// What a session asks of its server. It outlives the sessions' last use of it:
// close_control_session() ends that.
class ControlRoutes {
public:
    virtual void dispatch(ControlRequest request, ControlServer::Reply reply) = 0;
    [[nodiscard]] virtual EventHub& events() = 0;
    [[nodiscard]] virtual EventLoop& control_loop() = 0;

protected:
    ~ControlRoutes() = default;
};

enum class Admission : std::uint8_t { kAllowed, kRefused };

struct ControlPeer {
    uid_t uid;
    pid_t pid;
};

// The session keeps itself alive until its connection ends.
std::shared_ptr<ControlSession> start_control_session(ControlRoutes& routes,
                                                      AcceptedConnection connection,
                                                      ControlPeer peer, Admission admission);
void close_control_session(ControlSession& session);

}  // namespace hearth::runtime
