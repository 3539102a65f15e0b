#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/name.h"
#include "dns/core/block_policy.h"
#include "dns/model/protocol.h"
#include "dns/model/query_context.h"

namespace hearth::dns {

// How a question was settled.
struct QueryOutcome {
    static constexpr std::uint16_t kNoUpstream = UINT16_MAX;

    Rcode rcode{};
    Reason reason{};
    Verdict verdict{};
    EdeCode ede{};                         // kOther: none was said
    std::uint16_t upstream = kNoUpstream;  // whose answer it is: index in the worker's table
    std::uint8_t group = 0;                // of the client
    bool is_stale = false;                 // from the cache, past its time (RFC 8767)
};

// One answered question.
struct QueryRecord {
    std::int64_t wall_ms = 0;       // when it was answered, since 1970 in UTC
    std::uint32_t duration_us = 0;  // 0: answered in the batch it came with
    IpAddress client;
    Transport transport{};
    Name qname;
    RrType qtype{};
    QueryOutcome outcome;
};

// The last questions of one worker, in a ring of fixed size. One thread writes, without lock or
// allocation; any thread reads, and skips what is overwritten under its eyes (a sequence number per
// slot, odd while it is written). Names longer than kMaxNameOctets keep their right end.
class QueryLog {
public:
    static constexpr std::size_t kMaxNameOctets = 199;

    // 0: only counts.
    explicit QueryLog(std::size_t capacity);

    void append(const QueryContext& context, std::uint32_t duration_us, const Name& qname,
                RrType qtype, const QueryOutcome& outcome) noexcept;

    // How many were ever written: the position behind the newest.
    [[nodiscard]] std::uint64_t end() const noexcept {
        return end_.load(std::memory_order_acquire);
    }
    // Appends the records from position `from` on to `out`, oldest first and no more than `limit`,
    // and returns the position to go on from. What has been overwritten is left out.
    std::uint64_t read(std::uint64_t from, std::vector<QueryRecord>& out,
                       std::size_t limit = SIZE_MAX) const;

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    static constexpr std::size_t kFixedWords = 6;
    static constexpr std::size_t kWords = kFixedWords + (kMaxNameOctets + 1) / 8;
    struct Slot {
        std::atomic<std::uint64_t> sequence{0};
        std::array<std::atomic<std::uint64_t>, kWords> words{};
    };

    [[nodiscard]] bool read_slot(std::uint64_t position, QueryRecord& out) const noexcept;

    std::size_t capacity_;
    std::unique_ptr<Slot[]> slots_;
    std::size_t next_ = 0;  // end_ modulo capacity_; the writer's own
    std::atomic<std::uint64_t> end_{0};
};

}  // namespace hearth::dns
