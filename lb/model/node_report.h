#pragma once

#include <string>
#include <vector>

#include "base/ip.h"
#include "lb/model/election_state.h"

namespace hearth::lb {

// What a node tells the others about itself, for `hearth status` on any of them.
struct ReportedDaemon {
    std::string name;   // "dns", "lb", "proxy", "certs"
    std::string state;  // "ok", "warn", "error", "down"

    friend bool operator==(const ReportedDaemon&, const ReportedDaemon&) = default;
};

struct ReportedProblem {
    std::string daemon;
    std::string name;
    std::string detail;
    std::string since;  // RFC 3339

    friend bool operator==(const ReportedProblem&, const ReportedProblem&) = default;
};

struct ReportedVip {
    IpAddress address;
    ElectionState state = ElectionState::kInit;

    friend bool operator==(const ReportedVip&, const ReportedVip&) = default;
};

struct NodeReport {
    std::string version;
    std::string config_hash;
    std::vector<ReportedDaemon> daemons;
    std::vector<ReportedProblem> problems;
    std::vector<ReportedVip> vips;  // those the node is a candidate for

    friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

}  // namespace hearth::lb
