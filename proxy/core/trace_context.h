#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/model/message.h"
#include "proxy/model/trace.h"

namespace hearth::proxy {

inline constexpr std::size_t kTraceParentSize = 55;

// The value of one traceparent field (W3C Trace Context §3.2), of this version or a later one;
// nothing when it is malformed.
[[nodiscard]] std::optional<TraceParent> parse_traceparent(std::string_view text) noexcept;
// Of a request: nothing also when there are several.
[[nodiscard]] std::optional<TraceParent> traceparent_of(const HeaderTable& headers) noexcept;
[[nodiscard]] std::array<char, kTraceParentSize> write_traceparent(
    const TraceParent& parent) noexcept;

void append_hex(std::string& out, std::uint64_t number);
void append_hex(std::string& out, const TraceId& trace);

// Where a worker's ids come from: unlike any others, not secret.
class TraceIdSource {
public:
    explicit TraceIdSource(std::uint64_t seed) noexcept : state_(seed) {}

    [[nodiscard]] TraceId next_trace() noexcept;
    // Never 0.
    [[nodiscard]] std::uint64_t next_span() noexcept;
    // Records this share of traces, in ten thousandths.
    [[nodiscard]] Sampling sample(unsigned share) noexcept;

private:
    [[nodiscard]] std::uint64_t next() noexcept;

    std::uint64_t state_;
};

}  // namespace hearth::proxy
