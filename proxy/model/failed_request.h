#pragma once

#include <string>

#include "proxy/model/hop_error.h"
#include "proxy/model/trace.h"

namespace hearth::proxy {

// A request that a hop behind the client failed, as the daemon's log tells it.
struct FailedRequest {
    TraceId trace;
    std::string service;
    std::string host;
    std::string upstream;
    HopError error;
    int status = 0;
};

}  // namespace hearth::proxy
