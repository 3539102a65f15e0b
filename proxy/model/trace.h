#pragma once

#include <cstdint>
#include <vector>

#include "base/ip.h"
#include "base/time.h"

// W3C Trace Context: the numbers by which a request is known in everybody's logs.
namespace hearth::proxy {

struct TraceId {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    [[nodiscard]] bool is_set() const noexcept { return (high | low) != 0; }
    friend bool operator==(const TraceId&, const TraceId&) = default;
};

// Whether the spans of a trace are kept by who makes them.
enum class Sampling : std::uint8_t { kDropped, kRecorded };

// What a traceparent field says.
struct TraceParent {
    TraceId trace;
    std::uint64_t span = 0;
    Sampling sampling = Sampling::kDropped;

    friend bool operator==(const TraceParent&, const TraceParent&) = default;
};

// What the document wants of traces.
struct Tracing {
    enum class Use : std::uint8_t {
        kNone,   // what clients say of them passes as it is
        kHeads,  // upstreams are told
        kSpans,  // and so is a collector
    };
    Use use = Use::kNone;
    unsigned sample = 10'000;             // of those that begin here, in ten thousandths
    std::vector<IpPrefix> continue_from;  // their traces go on
};

// A request's place in its trace: client's span (0: none) → ours → that of our question upstream.
struct RequestTrace {
    TraceParent context;  // `span`: of our question upstream
    std::uint64_t parent_span = 0;
    std::uint64_t server_span = 0;
    TimePoint asked_upstream{};  // last
    unsigned attempts = 0;
};

}  // namespace hearth::proxy
