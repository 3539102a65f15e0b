#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip.h"
#include "dns/core/block_policy.h"
#include "dns/model/protocol.h"
#include "dns/model/query_context.h"

namespace hearth::dns {

// How much of a question is kept and shown.
enum class QueryPrivacy : std::uint8_t {
    kEverything,
    kNetworks,  // clients cut to their /24 or /56
    kNames,     // no clients
    kCounts,    // neither clients nor names
    kNothing,   // no questions at all, totals only
};

// One answered question as it is kept: what matched is written out, since lists and rules change.
struct QueryEntry {
    std::int64_t id = 0;       // its place in the log, over restarts; 0: none yet
    std::int64_t wall_ms = 0;  // when it was answered, since 1970 in UTC
    std::uint32_t duration_us = 0;
    std::optional<IpAddress> client;  // absent: kept to themselves
    std::string name;                 // without the final dot; empty: kept to themselves
    RrType type{};
    Rcode rcode{};
    Reason reason{};
    Transport transport{};
    EdeCode ede{};
    VerdictSource matched{};
    bool is_stale = false;
    std::string by;        // the list, or the rule's text
    std::string group;     // of the client
    std::string upstream;  // whose answer it is
};

// Takes out of `entry` what `privacy` keeps to itself. kNothing is for the caller to look at.
void withhold(QueryPrivacy privacy, QueryEntry& entry);

// The labels from the right: "com.example.www". All names at or under one share its key and a dot
// as their beginning, so that an index finds them. Both ways lose nothing.
[[nodiscard]] std::string reversed_name(std::string_view name);

}  // namespace hearth::dns
