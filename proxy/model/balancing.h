#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

// How a service's requests are spread over its upstreams, and how many it takes.
namespace hearth::proxy {

enum class Balance : std::uint8_t { kRoundRobin, kLeastConnections, kSourceHash, kRandom };

struct Balancing {
    Balance how = Balance::kRoundRobin;
    std::string sticky;     // the cookie that keeps a client at its upstream; empty: none
    Duration slow_start{};  // until an upstream that has come back gets its whole share

    friend bool operator==(const Balancing&, const Balancing&) = default;
};

// What is asked of each upstream from time to time.
struct HealthCheck {
    std::string path;                   // empty: nothing …
    std::optional<std::string> grpc{};  // … but gRPC's own question about this service …
    bool connects = false;              // … but that it takes a connection
    std::uint16_t port = 0;             // where; 0: its own
    int status_from = 200;
    int status_to = 399;
    Duration interval = 10s;
    Duration timeout = 3s;
    unsigned rise = 2;  // good answers in a row that bring it back
    unsigned fall = 3;  // bad ones that take it out

    [[nodiscard]] bool is_wanted() const noexcept { return connects || grpc || !path.empty(); }
    friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

// Requests at a time; more wait in a short queue.
struct RequestLimit {
    std::size_t requests = 0;  // 0: no limit
    std::size_t queue = 64;
    Duration wait = 5s;
};

}  // namespace hearth::proxy
