#include "dns/core/message.h"

#include <algorithm>

namespace hearth::dns {
namespace {

constexpr std::uint32_t kTtlMax = 0x7fffffff;
constexpr int kMaxChain = 16;

enum class Section { kAnswer, kAuthority, kAdditional };

bool parse_header_and_question(ByteView packet, AnswerView& out) noexcept {
    if (packet.size() < kHeaderSize || packet.size() > kMaxMessage) return false;
    const std::uint8_t* p = packet.data();
    out.id = load_be16(p);
    out.flags = load_be16(p + 2);
    out.rcode = static_cast<Rcode>(out.flags & kRcodeMask);
    if ((out.flags & kFlagQr) == 0 || (out.flags & kOpcodeMask) != 0 || load_be16(p + 4) != 1)
        return false;
    std::size_t at = kHeaderSize;
    const auto name = read_name(packet, at);
    if (!name || packet.size() - at < 4) return false;
    out.qname = *name;
    out.qtype = static_cast<RrType>(load_be16(p + at));
    out.qclass = static_cast<RrClass>(load_be16(p + at + 2));
    out.question = packet.subspan(kHeaderSize, at + 4 - kHeaderSize);
    // A compressed question name would move every offset: nothing stands before it.
    return out.question.size() == name->wire().size() + 4;
}

void note_ttl(const RecordView& record, AnswerView& out) noexcept {
    out.lowest_ttl = std::min(out.lowest_ttl, record.ttl > kTtlMax ? 0 : record.ttl);
    if (out.ttl_count == out.ttl_at.size()) {
        out.ttls_fit = false;
        return;
    }
    out.ttl_at[out.ttl_count++] = static_cast<std::uint16_t>(record.ttl_at);
}

void note_soa(ByteView packet, const RecordView& soa, AnswerView& out) noexcept {
    if (soa.rdata_size < 22) return;
    const std::uint32_t minimum = load_be32(packet.data() + soa.rdata_at + soa.rdata_size - 4);
    const std::uint32_t ttl = std::min(soa.ttl > kTtlMax ? 0 : soa.ttl, minimum);
    if (!out.negative_ttl) out.negative_ttl = ttl;
}

// Takes one record in; false when the message may not hold it here.
bool take_record(ByteView packet, Section section, const RecordView& record, std::size_t end,
                 AnswerView& out) noexcept {
    if (record.type == RrType::kOpt) {
        if (section != Section::kAdditional || out.has_edns || packet[record.owner_at] != 0)
            return false;
        out.has_edns = true;
        out.edns = edns_of(packet, record);
        out.rcode = static_cast<Rcode>(static_cast<unsigned>(out.rcode) |
                                       static_cast<unsigned>(out.edns.extended_rcode) << 4);
        return true;
    }
    if (out.has_edns) return true;
    if (section == Section::kAdditional) ++out.additionals;
    if (section == Section::kAuthority && record.type == RrType::kSoa)
        note_soa(packet, record, out);
    note_ttl(record, out);
    out.size = end;
    return true;
}

}  // namespace

std::optional<AnswerView> parse_answer(ByteView packet) noexcept {
    AnswerView out;
    if (!parse_header_and_question(packet, out)) return std::nullopt;
    out.answers = load_be16(packet.data() + 6);
    out.authorities = load_be16(packet.data() + 8);
    std::size_t at = kHeaderSize + out.question.size();
    out.answers_at = out.size = at;
    const unsigned counts[] = {out.answers, out.authorities, load_be16(packet.data() + 10)};
    for (const auto section : {Section::kAnswer, Section::kAuthority, Section::kAdditional}) {
        if (section == Section::kAuthority) out.authorities_at = at;
        for (unsigned i = 0; i < counts[static_cast<int>(section)]; ++i) {
            const auto record = read_record(packet, at);
            // A truncated answer may end anywhere (RFC 2181 §9); it will be asked again.
            if (!record) return out.truncated() ? std::optional(out) : std::nullopt;
            std::size_t owner_at = record->owner_at;
            if (!read_name(packet, owner_at)) return std::nullopt;
            if (!take_record(packet, section, *record, at, out)) return std::nullopt;
        }
    }
    return out;
}

bool has_final_answer(ByteView packet, const AnswerView& answer) noexcept {
    Name owner = answer.qname;
    for (int step = 0; step < kMaxChain; ++step) {
        std::optional<Name> next;
        bool found = false;
        each_answer(packet, answer, [&](const RecordView& record) {
            std::size_t at = record.owner_at;
            const auto name = read_name(packet, at);
            if (!name || *name != owner) return;
            if (record.type == answer.qtype || answer.qtype == RrType::kAny) found = true;
            if (record.type == RrType::kCname && !next) {
                at = record.rdata_at;
                next = read_name(packet, at);
            }
        });
        if (found) return true;
        if (!next) return false;
        owner = *next;
    }
    return false;
}

std::uint32_t cache_seconds(ByteView packet, const AnswerView& answer,
                            const TtlLimits& limits) noexcept {
    if (!answer.ttls_fit || answer.truncated()) return 0;
    if (answer.rcode == Rcode::kServFail) return limits.failure;
    const bool negative = answer.rcode == Rcode::kNxDomain ||
                          (answer.rcode == Rcode::kNoError && !has_final_answer(packet, answer));
    if (negative) {
        // Without a SOA a negative answer should not be cached (RFC 2308 §5).
        if (!answer.negative_ttl) return 0;
        return std::min({*answer.negative_ttl, answer.lowest_ttl, limits.negative_cap});
    }
    if (answer.rcode != Rcode::kNoError || answer.ttl_count == 0) return 0;
    return std::min(std::max(answer.lowest_ttl, limits.ttl_floor), limits.ttl_cap);
}

}  // namespace hearth::dns
