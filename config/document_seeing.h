#pragma once

#include <chrono>
#include <cstddef>
#include <string>

// What the document says of seeing: how much of each question is kept, where and for how long.
namespace hearth::config {

// What the query log keeps and shows of a question.
enum class QueryPrivacy {
    kEverything,
    kNetworks,  // clients cut to their /24 or /56
    kNames,     // no clients
    kCounts,    // neither clients nor names
    kNothing,   // no questions at all, totals only
};

struct QueryLogSettings {
    std::chrono::seconds keep{30 * 24 * 3600};  // 0: in memory only
    std::size_t max_bytes = 512U << 20;
    std::chrono::seconds flush{300};
    QueryPrivacy privacy = QueryPrivacy::kEverything;
};

// Copies of questions and answers for other programs (dnstap.info), over a Unix socket.
struct Dnstap {
    std::string socket;  // empty: none
    std::string identity;

    friend bool operator==(const Dnstap&, const Dnstap&) = default;
};

}  // namespace hearth::config
