#pragma once

#include <functional>
#include <string>

#include "base/ip.h"
#include "base/time.h"
#include "proxy/model/hop_error.h"

namespace hearth::runtime {
class EventLoop;
}

namespace hearth::proxy {

// How far a probe goes: a connection alone, or GET of a path (not empty) for a host.
struct ProbeRequest {
    std::string host;
    std::string path;
    std::string socket_path{};          // of a Unix socket, instead of the endpoint
    std::optional<std::string> grpc{};  // a service of gRPC's: its own question, instead of GET
    std::string preamble{};             // ahead of all else: a PROXY header of nobody's
};

struct ProbeResult {
    HopError error;
    int status = 0;            // of the answer
    std::string grpc_fault{};  // what is wrong by what gRPC says
    Duration connected_after{};
    Duration answered_after{};
};

// Asks an endpoint now, on its own connection: connects and, with a path, sends GET and reads the
// head of the answer. `done` runs once on the loop, never inside this call.
void probe_upstream(runtime::EventLoop& loop, const Endpoint& endpoint, const ProbeRequest& request,
                    Duration timeout, std::function<void(const ProbeResult&)> done);

}  // namespace hearth::proxy
