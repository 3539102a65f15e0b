#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

// How a service's requests are spread over its upstreams; part of config/document.h.
namespace hearth::config {

// What is asked of each upstream from time to time; neither path nor grpc: nothing.
struct HealthCheck {
    std::string path;
    std::optional<std::string> grpc;  // a service of gRPC's; empty: the server as a whole
    unsigned status_from = 200;
    unsigned status_to = 399;
    std::chrono::milliseconds interval{10'000};
    std::chrono::milliseconds timeout{3'000};
    unsigned rise = 2;
    unsigned fall = 3;
};

// Requests at a time; more wait in a short queue.
struct RequestLimit {
    std::size_t requests = 0;  // 0: no limit
    std::size_t queue = 64;
    std::chrono::milliseconds wait{5'000};
};

}  // namespace hearth::config
