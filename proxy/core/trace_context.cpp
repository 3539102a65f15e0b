#include "proxy/core/trace_context.h"

#include <utility>

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kSpanDigits = 16;

// Lower-case digits alone; reads them all or nothing.
bool read_hex(std::string_view digits, std::uint64_t& out) noexcept {
    out = 0;
    for (const char c : digits) {
        const std::size_t value = kHex.find(c);
        if (value == std::string_view::npos) return false;
        out = out << 4 | value;
    }
    return true;
}

char* write_hex(char* to, std::uint64_t number) noexcept {
    for (int shift = 60; shift >= 0; shift -= 4) *to++ = kHex[number >> shift & 15];
    return to;
}

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view text) noexcept {
    if (text.size() < kTraceParentSize) return std::nullopt;
    if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
    std::uint64_t version = 0;
    std::uint64_t flags = 0;
    TraceParent parent;
    const bool is_hex = read_hex(text.substr(0, 2), version) &&
                        read_hex(text.substr(3, kSpanDigits), parent.trace.high) &&
                        read_hex(text.substr(19, kSpanDigits), parent.trace.low) &&
                        read_hex(text.substr(36, kSpanDigits), parent.span) &&
                        read_hex(text.substr(53, 2), flags);
    if (!is_hex || version == 0xff || !parent.trace.is_set() || parent.span == 0)
        return std::nullopt;
    // Later versions may have more behind these.
    const bool has_more = text.size() > kTraceParentSize;
    if (has_more && (version == 0 || text[kTraceParentSize] != '-')) return std::nullopt;
    parent.sampling = (flags & 1) != 0 ? Sampling::kRecorded : Sampling::kDropped;
    return parent;
}

std::optional<TraceParent> traceparent_of(const HeaderTable& headers) noexcept {
    std::optional<TraceParent> found;
    bool is_repeated = false;
    for (const HeaderField& field : headers.fields()) {
        if (!equals_ignoring_case(field.name, "traceparent")) continue;
        if (std::exchange(is_repeated, true)) return std::nullopt;
        found = parse_traceparent(field.value);
    }
    return found;
}

std::array<char, kTraceParentSize> write_traceparent(const TraceParent& parent) noexcept {
    std::array<char, kTraceParentSize> text{'0', '0', '-'};
    char* at = write_hex(text.data() + 3, parent.trace.high);
    at = write_hex(at, parent.trace.low);
    *at++ = '-';
    at = write_hex(at, parent.span);
    *at++ = '-';
    *at++ = '0';
    *at = parent.sampling == Sampling::kRecorded ? '1' : '0';
    return text;
}

void append_hex(std::string& out, std::uint64_t number) {
    std::array<char, kSpanDigits> digits;
    write_hex(digits.data(), number);
    out.append(digits.data(), digits.size());
}

void append_hex(std::string& out, const TraceId& trace) {
    append_hex(out, trace.high);
    append_hex(out, trace.low);
}

// SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t TraceIdSource::next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

TraceId TraceIdSource::next_trace() noexcept { return {next(), next_span()}; }

std::uint64_t TraceIdSource::next_span() noexcept {
    for (;;) {
        if (const std::uint64_t span = next(); span != 0) return span;
    }
}

Sampling TraceIdSource::sample(unsigned share) noexcept {
    return next() % 10'000 < share ? Sampling::kRecorded : Sampling::kDropped;
}

}  // namespace hearth::proxy
