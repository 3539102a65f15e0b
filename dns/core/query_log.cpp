#include "dns/core/query_log.h"

#include <algorithm>
#include <cstring>

namespace hearth::dns {
namespace {

// The name's end that fits, cut between labels.
ByteView name_tail(const Name& name, std::size_t limit) noexcept {
    auto wire = name.wire();
    while (wire.size() > limit) wire = wire.subspan(wire[0] + 1U);
    return wire;
}

template <class T>
constexpr std::uint64_t field(T value, unsigned shift) noexcept {
    return static_cast<std::uint64_t>(value) << shift;
}

}  // namespace

QueryLog::QueryLog(std::size_t capacity)
    : capacity_(capacity), slots_(std::make_unique<Slot[]>(capacity)) {}

// Each word is a release store behind the odd sequence number: a reader that saw any of them
// also sees that the slot was being written.
void QueryLog::append(const QueryContext& context, std::uint32_t duration_us, const Name& qname,
                      RrType qtype, const QueryOutcome& outcome) noexcept {
    const std::uint64_t position = end_.load(std::memory_order_relaxed);
    if (capacity_ == 0) return end_.store(position + 1, std::memory_order_release);
    Slot& slot = slots_[next_];
    slot.sequence.store(2 * position + 1, std::memory_order_relaxed);
    const auto put = [&slot](std::size_t i, std::uint64_t word) {
        slot.words[i].store(word, std::memory_order_release);
    };
    const auto name = name_tail(qname, kMaxNameOctets);
    const auto& client = context.path.client.address;
    const auto address = client.bytes();
    put(0, static_cast<std::uint64_t>(context.wall_ms));
    put(1, field(duration_us, 32) | field(qtype, 16) | field(outcome.rcode, 8) |
               field(outcome.reason, 0));
    put(2, field(outcome.verdict.index, 32) | field(outcome.verdict.source, 24) |
               field(name.size(), 16) | field(context.path.transport, 8) | address.size());
    put(3, field(outcome.upstream, 48) | field(outcome.ede, 32) | field(outcome.group, 8) |
               field(outcome.is_stale ? 1 : 0, 0));
    put(4, address.size() == 4 ? load_be32(address.data()) : load_be64(address.data()));
    if (address.size() == 16) put(5, load_be64(address.data() + 8));
    for (std::size_t at = 0; at < name.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, name.data() + at, std::min<std::size_t>(8, name.size() - at));
        put(kFixedWords + at / 8, word);
    }
    slot.sequence.store(2 * position + 2, std::memory_order_release);
    if (++next_ == capacity_) next_ = 0;
    end_.store(position + 1, std::memory_order_release);
}

bool QueryLog::read_slot(std::uint64_t position, QueryRecord& out) const noexcept {
    const Slot& slot = slots_[position % capacity_];
    const std::uint64_t whole = 2 * position + 2;
    if (slot.sequence.load(std::memory_order_acquire) != whole) return false;
    std::array<std::uint64_t, kWords> words;
    for (std::size_t i = 0; i < kWords; ++i)
        words[i] = slot.words[i].load(std::memory_order_acquire);
    if (slot.sequence.load(std::memory_order_relaxed) != whole) return false;

    out.wall_ms = static_cast<std::int64_t>(words[0]);
    out.duration_us = static_cast<std::uint32_t>(words[1] >> 32);
    out.qtype = static_cast<RrType>(words[1] >> 16 & 0xffff);
    out.outcome.rcode = static_cast<Rcode>(words[1] >> 8 & 0xff);
    out.outcome.reason = static_cast<Reason>(words[1] & 0xff);
    out.outcome.verdict.index = static_cast<std::uint32_t>(words[2] >> 32);
    out.outcome.verdict.source = static_cast<VerdictSource>(words[2] >> 24 & 0xff);
    out.outcome.upstream = static_cast<std::uint16_t>(words[3] >> 48);
    out.outcome.ede = static_cast<EdeCode>(words[3] >> 32 & 0xffff);
    out.outcome.group = static_cast<std::uint8_t>(words[3] >> 8 & 0xff);
    out.outcome.is_stale = (words[3] & 1) != 0;
    out.transport = static_cast<Transport>(words[2] >> 8 & 0xff);
    std::array<std::uint8_t, 16> address;
    const std::size_t address_size = words[2] & 0xff;
    if (address_size == 4) {
        store_be32(address.data(), static_cast<std::uint32_t>(words[4]));
    } else {
        store_be64(address.data(), words[4]);
        store_be64(address.data() + 8, words[5]);
    }
    out.client = IpAddress::from_bytes(ByteView(address).first(address_size));
    const std::size_t name_size = words[2] >> 16 & 0xff;
    const auto* name = reinterpret_cast<const std::uint8_t*>(words.data() + kFixedWords);
    out.qname = Name::from_wire({name, name_size}).value_or(Name{});
    return true;
}

std::uint64_t QueryLog::read(std::uint64_t from, std::vector<QueryRecord>& out,
                             std::size_t limit) const {
    const std::uint64_t newest = end();
    const std::uint64_t oldest = newest > capacity_ ? newest - capacity_ : 0;
    QueryRecord record;
    std::uint64_t at = std::max(from, oldest);
    for (; at < newest && limit > 0; ++at) {
        if (!read_slot(at, record)) continue;
        out.push_back(record);
        --limit;
    }
    return at;
}

}  // namespace hearth::dns
