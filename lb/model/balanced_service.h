#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/name.h"
#include "base/time.h"
#include "lb/model/balanced_port.h"

namespace hearth::lb {

// How a backend is asked whether it serves.
struct BackendCheck {
    enum class Kind : std::uint8_t { kTcp, kHttp, kHttps, kDns, kScript };
    Kind kind = Kind::kTcp;
    std::uint16_t port = 0;  // 0: the backend's own
    std::string path;        // kHttp, kHttps
    std::string host;        // empty: the backend's address
    Name name;               // kDns
    std::string script;      // kScript
    Duration interval = 2s;
    Duration timeout = 1s;
    unsigned rise = 2;
    unsigned fall = 3;

    friend auto operator<=>(const BackendCheck&, const BackendCheck&) = default;
};

// One question: several ports of a backend that are checked alike ask it once.
struct CheckTarget {
    Endpoint endpoint;
    BackendCheck check;

    friend auto operator<=>(const CheckTarget&, const CheckTarget&) = default;
};

// One port (or range) of a service, as hearth-lb serves it on this node.
struct BalancedService {
    std::string name;
    OpenPort port;
    Balancing balancing;
    std::set<Endpoint> drained;
    std::optional<BackendCheck> check;

    friend bool operator==(const BalancedService&, const BalancedService&) = default;
};

}  // namespace hearth::lb
