#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/name.h"
#include "dns/core/wire_view.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// An upstream's answer, walked once and found whole. Views into the packet.
struct AnswerView {
    // More records than this pass through, but are not cached.
    static constexpr std::size_t kMaxTtls = 192;

    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    Rcode rcode{};
    ByteView question;  // as echoed
    Name qname;
    RrType qtype{};
    RrClass qclass{};
    std::uint16_t answers = 0;
    std::uint16_t authorities = 0;
    std::uint16_t additionals = 0;  // those before the OPT record; what follows an OPT is left away
    bool has_edns = false;
    EdnsView edns;
    std::size_t size = 0;    // of the message without OPT
    bool is_secure = false;  // validated here; never read from the message
    std::size_t answers_at = 0;
    std::size_t authorities_at = 0;

    // Where the TTLs stand, for patching; complete only when ttls_fit.
    std::array<std::uint16_t, kMaxTtls> ttl_at{};
    std::size_t ttl_count = 0;
    bool ttls_fit = true;
    std::uint32_t lowest_ttl =
        UINT32_MAX;  // over all records; values above 2^31-1 count as 0 (RFC 2181 §8)
    // min(TTL, MINIMUM) of the SOA in the authority section (RFC 2308 §5).
    std::optional<std::uint32_t> negative_ttl;

    [[nodiscard]] bool truncated() const noexcept { return (flags & kFlagTc) != 0; }
};

// nullopt: not an answer, not exactly one question, or malformed anywhere.
[[nodiscard]] std::optional<AnswerView> parse_answer(ByteView packet) noexcept;

// Calls visit(const RecordView&) for each record of the answer section, in order.
template <class Visit>
void each_answer(ByteView packet, const AnswerView& answer, Visit visit) {
    std::size_t at = answer.answers_at;
    for (unsigned i = 0; i < answer.answers; ++i) {
        const auto record = read_record(packet, at);
        if (!record) return;
        visit(*record);
    }
}

// True when the answer holds a record of the asked type at the end of the CNAME chain that
// starts at the question (RFC 1034 §3.6.2), whatever the order of the records.
[[nodiscard]] bool has_final_answer(ByteView packet, const AnswerView& answer) noexcept;

// How long an answer may be kept, in seconds; 0: not at all. `ttl_cap` and `negative_cap` bound it.
struct TtlLimits {
    std::uint32_t ttl_floor = 0;  // of answers that hold records
    std::uint32_t ttl_cap = 86400;
    std::uint32_t negative_cap = 3600;
    std::uint32_t failure = 5;  // RFC 9520 §3.2: at least 1 s, at most 5 min
};
[[nodiscard]] std::uint32_t cache_seconds(ByteView packet, const AnswerView& answer,
                                          const TtlLimits& limits) noexcept;

}  // namespace hearth::dns
