#include "dns/core/loop_guard.h"

#include <algorithm>

namespace hearth::dns {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::int64_t ticks(TimePoint t) noexcept { return t.time_since_epoch().count(); }

bool within(std::int64_t then, TimePoint now, Duration span) noexcept {
    return then != INT64_MIN && ticks(now) - then < span.count();
}

}  // namespace

bool LoopGuard::wants_tag(const IpAddress& upstream) noexcept {
    return upstream.is_private() || upstream.is_loopback() || upstream.is_link_local();
}

std::uint64_t LoopGuard::mark_of(const IpAddress& address) const noexcept {
    return siphash13({house_, 1}, address.bytes()) | 1;  // never 0
}

std::uint64_t LoopGuard::flight_of(const Name& qname, RrType qtype,
                                   std::uint64_t upstream) const noexcept {
    return siphash13({upstream, static_cast<std::uint64_t>(qtype)}, qname.wire()) | 1;
}

LoopGuard::Tag LoopGuard::tag_for(const IpAddress& upstream) const noexcept {
    Tag tag;
    store_be64(tag.data(), house_);
    store_be64(tag.data() + 8, mark_of(upstream));
    return tag;
}

void LoopGuard::sent(const Name& qname, RrType qtype, const IpAddress& upstream) noexcept {
    const std::uint64_t flight = flight_of(qname, qtype, mark_of(upstream));
    in_flight_[flight / 2 % kInFlightSlots].store(flight, kRelaxed);
}

void LoopGuard::done(const Name& qname, RrType qtype, const IpAddress& upstream) noexcept {
    std::uint64_t flight = flight_of(qname, qtype, mark_of(upstream));
    in_flight_[flight / 2 % kInFlightSlots].compare_exchange_strong(flight, 0, kRelaxed);
}

// The upstream's entry, a free one for a new upstream; null when all are taken by others.
LoopGuard::Loop* LoopGuard::loop_of(std::uint64_t upstream) noexcept {
    for (Loop& loop : loops_) {
        std::uint64_t found = loop.upstream.load(kRelaxed);
        if (found == 0 && loop.upstream.compare_exchange_strong(found, upstream, kRelaxed))
            return &loop;
        if (found == upstream) return &loop;
    }
    return nullptr;
}

void LoopGuard::suspect(Loop& loop, TimePoint now) noexcept {
    const bool recent = within(loop.suspected_at.load(kRelaxed), now, kSuspicionWindow);
    loop.suspected_at.store(ticks(now), kRelaxed);
    if (!recent) {
        loop.suspicions.store(1, kRelaxed);
    } else if (loop.suspicions.fetch_add(1, kRelaxed) + 1 >= kSuspicionsNeeded) {
        loop.proven_at.store(ticks(now), kRelaxed);
    }
}

bool LoopGuard::is_loop(const Name& qname, RrType qtype, const IpAddress& client,
                        std::optional<ByteView> tag, TimePoint now) noexcept {
    if (tag && tag->size() == kTagSize && load_be64(tag->data()) == house_) {
        if (Loop* loop = loop_of(load_be64(tag->data() + 8)))
            loop->proven_at.store(ticks(now), kRelaxed);
        return true;
    }
    if (client.is_loopback()) return false;  // an upstream on this machine, and its other programs
    const std::uint64_t upstream = mark_of(client);
    const std::uint64_t flight = flight_of(qname, qtype, upstream);
    if (in_flight_[flight / 2 % kInFlightSlots].load(kRelaxed) != flight) return false;
    if (Loop* loop = loop_of(upstream)) suspect(*loop, now);
    return true;
}

bool LoopGuard::is_looping(const IpAddress& upstream, TimePoint now) const noexcept {
    const std::uint64_t mark = mark_of(upstream);
    for (const Loop& loop : loops_) {
        const std::uint64_t found = loop.upstream.load(kRelaxed);
        if (found == mark) return within(loop.proven_at.load(kRelaxed), now, kMemory);
        if (found == 0) return false;
    }
    return false;
}

}  // namespace hearth::dns
