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

enum class ProbeDepth : std::uint8_t { kConnect, kAnswer };

struct ProbeResult {
    HopError error;
    int status = 0;  // of the answer to GET /, with kAnswer
    Duration connected_after{};
    Duration answered_after{};
};

// Asks an endpoint now, on its own connection: connects and, with kAnswer, sends GET / for
// `host` and reads the head of the answer. `done` runs once on the loop, never inside this call.
void probe_upstream(runtime::EventLoop& loop, const Endpoint& endpoint, ProbeDepth depth,
                    const std::string& host, Duration timeout,
                    std::function<void(const ProbeResult&)> done);

}  // namespace hearth::proxy
