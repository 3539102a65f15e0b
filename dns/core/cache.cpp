#include "dns/core/cache.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace hearth::dns {
namespace {

constexpr std::size_t kFirstSlots = 256;
// What malloc adds to a block, about.
constexpr std::size_t kBlockOverhead = 16;
// Prefetching: in the last tenth of its time, by who asks for it at least so many times. What is
// kept for less than ten seconds would be asked for all the time.
constexpr std::uint8_t kOften = 3;
constexpr std::uint32_t kShortestPrefetched = 10;

std::uint8_t variant_of(const CacheKey& key) noexcept {
    return static_cast<std::uint8_t>((key.dnssec_ok ? 1 : 0) | (key.checking_disabled ? 2 : 0));
}

}  // namespace

// One block: this, the TTL offsets, the image.
struct Cache::Entry {
    TimePoint stored;
    TimePoint expires;
    TimePoint next_try;
    std::uint64_t generation = 0;
    GroupMask passed = 0;
    std::uint32_t image_size = 0;
    std::uint16_t ttl_count = 0;
    std::uint16_t answers = 0;
    std::uint16_t additionals = 0;
    std::uint16_t group = 0;
    Rcode rcode{};
    Verdict verdict;
    std::uint8_t variant = 0;
    bool is_secure = false;
    bool asked_again = false;  // since the clock's hand passed
    std::uint8_t hits = 0;     // up to kOften

    [[nodiscard]] std::uint16_t* ttl_at() noexcept {
        return reinterpret_cast<std::uint16_t*>(this + 1);
    }
    [[nodiscard]] std::uint8_t* image() noexcept {
        return reinterpret_cast<std::uint8_t*>(ttl_at() + ttl_count);
    }
    [[nodiscard]] std::size_t block_size() const noexcept {
        return sizeof(Entry) + ttl_count * sizeof(std::uint16_t) + image_size;
    }
    [[nodiscard]] std::size_t cost() const noexcept {
        return block_size() + kBlockOverhead + 2 * sizeof(Slot);
    }
    // Failures and answers of the policy are of no use when their time is over.
    [[nodiscard]] bool is_found(TimePoint now, Duration stale_for) const noexcept {
        if (expires > now) return true;
        return expires + stale_for > now && rcode != Rcode::kServFail && !verdict.blocked();
    }
    // The image's question is in lower case, as is the key.
    [[nodiscard]] bool matches(const CacheKey& key) noexcept {
        const auto name = key.qname.wire();
        const std::uint8_t* question = image() + kHeaderSize;
        return variant == variant_of(key) && group == key.group &&
               kHeaderSize + name.size() + 4 <= image_size &&
               std::memcmp(question, name.data(), name.size()) == 0 &&
               load_be16(question + name.size()) == static_cast<std::uint16_t>(key.qtype);
    }
};

void Cache::Free::operator()(Entry* entry) const noexcept {
    entry->~Entry();
    ::operator delete(entry);
}

Cache::Cache(const Limits& limits, SipKey key)
    : limits_(limits), sip_key_(key), slots_(kFirstSlots) {}

Cache::~Cache() = default;

std::uint64_t Cache::hash(const CacheKey& key) const noexcept {
    SipState state(sip_key_);
    state.absorb(static_cast<std::uint64_t>(key.qtype) << 32 |
                 static_cast<std::uint64_t>(key.group) << 8 | variant_of(key));
    const auto wire = key.qname.wire();
    std::size_t at = 0;
    for (; at + 8 <= wire.size(); at += 8) state.absorb(load_le64(wire.data() + at));
    // Names end in a zero octet, so padding with zeros cannot make two of them equal.
    std::uint64_t rest = 0;
    std::memcpy(&rest, wire.data() + at, wire.size() - at);
    state.absorb(rest);
    return state.finish();
}

std::size_t Cache::slot_of(const CacheKey& key, std::uint64_t hash) const noexcept {
    std::size_t at = hash & mask();
    while (slots_[at].entry && (slots_[at].hash != hash || !slots_[at].entry->matches(key)))
        at = (at + 1) & mask();
    return at;
}

std::optional<Cache::Hit> Cache::find(const CacheKey& key, TimePoint now,
                                      Duration stale_for) noexcept {
    Entry* entry = slots_[slot_of(key, hash(key))].entry.get();
    // Made where the caller has it, and returned by this one name: a copy behind so many narrow
    // writes would stall the processor.
    std::optional<Hit> found;
    if (entry == nullptr || !entry->is_found(now, stale_for)) return found;
    entry->asked_again = true;
    if (entry->hits < kOften) ++entry->hits;
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - entry->stored);
    Hit& hit = found.emplace();
    hit.image.bytes = {entry->image(), entry->image_size};
    hit.image.ttl_at = {entry->ttl_at(), entry->ttl_count};
    hit.image.answers = entry->answers;
    hit.image.additionals = entry->additionals;
    hit.image.rcode = entry->rcode;
    hit.image.is_secure = entry->is_secure;
    hit.age = static_cast<std::uint32_t>(std::max<std::int64_t>(age.count(), 0));
    hit.is_stale = entry->expires <= now;
    hit.is_due = entry->next_try <= now && (hit.is_stale || entry->hits >= kOften);
    hit.next_try = &entry->next_try;
    hit.generation = &entry->generation;
    hit.passed = &entry->passed;
    hit.verdict = entry->verdict;
    return found;
}

void Cache::insert(const CacheKey& key, const AnswerImage& image, std::uint32_t seconds,
                   std::uint64_t generation, TimePoint now, const Verdict& verdict,
                   GroupMask passed, std::uint32_t ttl_floor) {
    const std::size_t block =
        sizeof(Entry) + image.ttl_at.size() * sizeof(std::uint16_t) + image.bytes.size();
    if (seconds == 0 || block > limits_.bytes / 8) return;
    const std::size_t before = slot_of(key, hash(key));
    if (slots_[before].entry) erase(before);
    make_room(block + kBlockOverhead + 2 * sizeof(Slot), now);
    if ((count_ + 1) * 2 > slots_.size()) grow();

    EntryPointer entry(new (::operator new(block)) Entry);
    entry->stored = now;
    entry->expires = now + std::chrono::seconds(seconds);
    const auto ahead = std::chrono::seconds(seconds) / 10;
    entry->next_try = seconds < kShortestPrefetched ? entry->expires : entry->expires - ahead;
    entry->generation = generation;
    entry->passed = passed;
    entry->image_size = static_cast<std::uint32_t>(image.bytes.size());
    entry->ttl_count = static_cast<std::uint16_t>(image.ttl_at.size());
    entry->answers = image.answers;
    entry->additionals = image.additionals;
    entry->group = key.group;
    entry->rcode = image.rcode;
    entry->is_secure = image.is_secure;
    entry->verdict = verdict;
    entry->variant = variant_of(key);
    std::copy(image.ttl_at.begin(), image.ttl_at.end(), entry->ttl_at());
    std::memcpy(entry->image(), image.bytes.data(), image.bytes.size());
    const auto name = key.qname.wire();
    std::memcpy(entry->image() + kHeaderSize, name.data(), name.size());
    for (const std::size_t at : image.ttl_at)
        if (load_be32(entry->image() + at) < ttl_floor) store_be32(entry->image() + at, ttl_floor);

    const std::uint64_t h = hash(key);
    const std::size_t slot = slot_of(key, h);
    bytes_ += entry->cost();
    ++count_;
    slots_[slot].hash = h;
    slots_[slot].entry = std::move(entry);
}

void Cache::insert_failure(const CacheKey& key, std::uint32_t seconds, std::uint64_t generation,
                           TimePoint now, GroupMask passed) {
    std::array<std::uint8_t, kHeaderSize + Name::kMaxWire + 4> buffer;
    ByteWriter out(buffer);
    out.u16(0);
    out.u16(kFlagQr);
    out.u16(1);
    out.u16(0);
    out.u32(0);
    out.bytes(key.qname.wire());
    out.u16(static_cast<std::uint16_t>(key.qtype));
    out.u16(static_cast<std::uint16_t>(RrClass::kIn));
    AnswerImage image;
    image.bytes = out.written();
    image.rcode = Rcode::kServFail;
    insert(key, image, seconds, generation, now, {}, passed);
}

// Closes the gap behind a removed entry, so that probing needs no tombstones.
void Cache::erase(std::size_t slot) noexcept {
    bytes_ -= slots_[slot].entry->cost();
    --count_;
    slots_[slot].entry.reset();
    std::size_t gap = slot;
    for (std::size_t at = (slot + 1) & mask(); slots_[at].entry; at = (at + 1) & mask()) {
        const std::size_t home = slots_[at].hash & mask();
        if (((at - home) & mask()) < ((at - gap) & mask())) continue;
        slots_[gap] = std::move(slots_[at]);
        gap = at;
    }
}

void Cache::make_room(std::size_t needed, TimePoint now) noexcept {
    while (count_ > 0 && bytes_ + needed > limits_.bytes) {
        Entry* entry = slots_[hand_].entry.get();
        if (entry != nullptr && (entry->expires <= now || !entry->asked_again)) {
            erase(hand_);  // what moved into this slot is looked at next
            continue;
        }
        if (entry != nullptr) entry->asked_again = false;
        hand_ = (hand_ + 1) & mask();
    }
}

void Cache::grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
        if (!slot.entry) continue;
        std::size_t at = slot.hash & mask();
        while (slots_[at].entry) at = (at + 1) & mask();
        slots_[at] = std::move(slot);
    }
    hand_ = 0;
}

void Cache::clear() noexcept {
    for (Slot& slot : slots_) slot.entry.reset();
    count_ = 0;
    bytes_ = 0;
}

}  // namespace hearth::dns
