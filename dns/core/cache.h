#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/name.h"
#include "base/time.h"
#include "dns/core/answer_image.h"
#include "dns/core/block_policy.h"
#include "dns/core/blocklist_hash.h"
#include "dns/model/client_group.h"
#include "dns/model/protocol.h"

namespace hearth::dns {

// What tells one cached answer from another. DO and CD change an upstream's answer, and so does the
// upstream group that was asked. What one group of clients is told about a blocked name stands
// apart from what the upstreams say: blocked_for().
struct CacheKey {
    const Name& qname;
    RrType qtype{};
    bool dnssec_ok = false;
    bool checking_disabled = false;
    std::uint16_t group = 0;

    [[nodiscard]] static constexpr std::uint16_t blocked_for(GroupIndex clients) noexcept {
        return static_cast<std::uint16_t>(0x8000 | clients);
    }
};

// What the document says of answers that are kept.
struct CacheRules {
    TtlLimits ttl;
    Duration stale_for{};   // how long after its time an answer may stand in (RFC 8767); 0: never
    bool prefetch = false;  // asks again shortly before the end for what is asked often
};

// Answers of upstreams, positive and negative, and those to blocked names, as images ready to be
// copied (RFC 2308, RFC 9520). Belongs to one worker: no locks. Bounded by bytes; when full, what
// was not asked for since the clock's hand last passed goes first. A lookup allocates nothing.
//
// Every entry remembers the generation of the snapshot that let its name through, and for which
// groups of clients it did: for those a hit at the same generation needs no look at zones, rules or
// lists again.
class Cache {
public:
    struct Limits {
        std::size_t bytes = 4U << 20;
    };
    // A view into an entry, valid until the next insert() or clear().
    struct Hit {
        AnswerImage image;
        std::uint32_t age = 0;  // seconds since it was stored
        bool is_stale = false;  // its time is over
        bool is_due = false;    // may be asked again: near its end and asked often, or over
        std::uint64_t* generation = nullptr;
        GroupMask* passed = nullptr;  // the groups of clients it was found right for, at generation
        TimePoint* next_try = nullptr;  // not asked again before
        Verdict
            verdict;  // blocked(): the image is what the policy answers, at this generation only
    };

    // `key` seeds the hash, so that nobody outside can choose colliding names.
    Cache(const Limits& limits, SipKey key);
    ~Cache();
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;

    // An answer of an upstream whose time is over for less than `stale_for` is found as well.
    [[nodiscard]] std::optional<Hit> find(const CacheKey& key, TimePoint now,
                                          Duration stale_for = Duration::zero()) noexcept;

    // Keeps an upstream's answer for `seconds` (see cache_seconds(); 0 keeps nothing). An equal
    // key is replaced. TTLs below `ttl_floor` are raised to it.
    void insert(const CacheKey& key, const AnswerImage& image, std::uint32_t seconds,
                std::uint64_t generation, TimePoint now, const Verdict& verdict = {},
                GroupMask passed = mask_of(kDefaultGroup), std::uint32_t ttl_floor = 0);
    // Keeps the fact that nobody answered, as a SERVFAIL.
    void insert_failure(const CacheKey& key, std::uint32_t seconds, std::uint64_t generation,
                        TimePoint now, GroupMask passed = mask_of(kDefaultGroup));
    void clear() noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] const Limits& limits() const noexcept { return limits_; }

private:
    struct Entry;
    struct Free {
        void operator()(Entry* entry) const noexcept;
    };
    using EntryPointer = std::unique_ptr<Entry, Free>;
    struct Slot {
        std::uint64_t hash = 0;
        EntryPointer entry;
    };

    [[nodiscard]] std::uint64_t hash(const CacheKey& key) const noexcept;
    [[nodiscard]] std::size_t slot_of(const CacheKey& key, std::uint64_t hash) const noexcept;
    void erase(std::size_t slot) noexcept;
    void make_room(std::size_t bytes, TimePoint now) noexcept;
    void grow();
    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }

    Limits limits_;
    SipKey sip_key_;
    std::vector<Slot> slots_;  // power of two, linear probing, at most half full
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::size_t hand_ = 0;
};

}  // namespace hearth::dns
