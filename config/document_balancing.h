#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/name.h"

// Services on ports of a VIP, which hearth-lb spreads over their backends.
namespace hearth::config {

enum class Transport { kTcp, kUdp };
enum class Balance { kRandom, kRoundRobin, kLeastConnections, kSourceHash };

struct PortBackend {
    Endpoint endpoint;         // of a range: with its first port
    std::uint16_t weight = 1;  // 1..100
    bool drain = false;        // keeps the connections it has, and gets no new ones
};

// One port of a service, or a range of ports, which hearth-lb spreads without looking inside.
struct ServicePort {
    std::string name;  // as written: "tcp/1883", "udp/8000-8010"
    Transport transport = Transport::kTcp;
    std::uint16_t port = 0;
    std::uint16_t last_port = 0;  // of a range, whose ports stay as they are; 0: one port
    std::vector<PortBackend> backends;
};

enum class CheckKind { kNone, kTcp, kHttp, kHttps, kDns, kScript };

// How a backend is asked whether it serves.
struct BackendCheck {
    CheckKind kind = CheckKind::kNone;
    std::uint16_t port = 0;  // 0: the backend's own
    std::string path = "/";  // http, https
    std::string host;        // http, https: empty: the backend's address
    Name name;               // dns
    std::string script;      // absolute
    std::chrono::milliseconds interval{2000};
    std::chrono::milliseconds timeout{1000};
    std::uint16_t rise = 2;
    std::uint16_t fall = 3;
};

}  // namespace hearth::config
