#include "dns/core/suffix_rewrite.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace hearth::dns {
namespace {

constexpr std::uint16_t kPointerToQuestion = 0xc000 | kHeaderSize;
constexpr auto kNaptr = static_cast<RrType>(35);
constexpr auto kNsec3 = static_cast<RrType>(50);

// MD, MF, MB, MG, MR, MINFO, which may be compressed, then RP, AFSDB, RT, PX, NXT.
constexpr std::array<unsigned, 11> kOldWithNames{3, 4, 7, 8, 9, 14, 17, 18, 21, 26, 30};
constexpr std::size_t kOldCompressed = 6;

bool is_proof(RrType type) noexcept {
    return type == RrType::kRrsig || type == RrType::kNsec || type == kNsec3;
}

// Where a record's data holds names, and how many in a row.
struct NamePlace {
    std::size_t at = 0;
    unsigned names = 0;
};

// Behind the flags, service and expression of NAPTR (RFC 3403 §4.1).
std::optional<std::size_t> naptr_name_at(ByteView packet, const RecordView& record) noexcept {
    std::size_t at = record.rdata_at + 4;
    const std::size_t end = record.rdata_at + record.rdata_size;
    for (int text = 0; text < 3; ++text) {
        if (at >= end) return std::nullopt;
        at += packet[at] + 1U;
    }
    return at < end ? std::optional(at) : std::nullopt;
}

std::optional<NamePlace> names_in(ByteView packet, const RecordView& record) noexcept {
    const std::size_t data = record.rdata_at;
    switch (record.type) {
        case RrType::kCname:
        case RrType::kNs:
        case RrType::kPtr:
        case RrType::kDname: return NamePlace{data, 1};
        case RrType::kSoa: return NamePlace{data, 2};
        case RrType::kMx:
        case RrType::kSvcb:
        case RrType::kHttps: return NamePlace{data + 2, 1};
        case RrType::kSrv: return NamePlace{data + 6, 1};
        default: break;
    }
    if (record.type != kNaptr) return NamePlace{data, 0};
    const auto at = naptr_name_at(packet, record);
    return at ? std::optional(NamePlace{*at, 1}) : std::nullopt;
}

}  // namespace

std::optional<Name> with_suffix(const Name& name, const Name& from, const Name& to) noexcept {
    if (!name.is_at_or_under(from)) return name;
    const auto wire = name.wire();
    const auto front = wire.first(wire.size() - from.wire().size());
    std::array<std::uint8_t, Name::kMaxWire> whole;
    if (front.size() + to.wire().size() > whole.size()) return std::nullopt;
    std::memcpy(whole.data(), front.data(), front.size());
    std::memcpy(whole.data() + front.size(), to.wire().data(), to.wire().size());
    return Name::from_wire({whole.data(), front.size() + to.wire().size()});
}

bool holds_proofs(ByteView packet, const AnswerView& answer) noexcept {
    std::size_t at = answer.answers_at;
    while (at < answer.size) {
        const auto record = read_record(packet, at);
        if (!record) return false;
        if (is_proof(record->type)) return true;
    }
    return false;
}

bool AnswerMapper::is_left_away(RrType type) const noexcept {
    if (is_proof(type)) return task_ == Task::kMap || type != asked_type_;
    const auto end =
        kOldWithNames.begin() + (task_ == Task::kMap ? kOldWithNames.size() : kOldCompressed);
    return std::find(kOldWithNames.begin(), end, static_cast<unsigned>(type)) != end;
}

void AnswerMapper::put_u16(std::uint16_t value) {
    bytes_.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes_.push_back(static_cast<std::uint8_t>(value));
}

bool AnswerMapper::put_name(ByteView packet, std::size_t& at, const SuffixPair& suffixes,
                            Compression compression) {
    const auto name = read_name(packet, at);
    if (!name) return false;
    const auto mapped = with_suffix(*name, suffixes.outside, suffixes.inside);
    if (!mapped) return false;
    if (compression == Compression::kAllowed && *mapped == asked_ && !asked_.is_root()) {
        put_u16(kPointerToQuestion);
    } else {
        put(mapped->wire());
    }
    return true;
}

bool AnswerMapper::map_data(ByteView packet, const RecordView& record, std::size_t at,
                            unsigned names, const SuffixPair& suffixes) {
    const std::size_t end = record.rdata_at + record.rdata_size;
    if (at > end) return false;
    put(packet.subspan(record.rdata_at, at - record.rdata_at));
    const bool is_old = record.type <= RrType::kMx;  // RFC 3597 §4
    for (; names > 0; --names)
        if (!put_name(packet, at, suffixes,
                      is_old ? Compression::kAllowed : Compression::kForbidden) ||
            at > end)
            return false;
    put(packet.subspan(at, end - at));
    return true;
}

bool AnswerMapper::map_record(ByteView packet, const RecordView& record,
                              const SuffixPair& suffixes) {
    const auto place = names_in(packet, record);
    std::size_t owner_at = record.owner_at;
    if (!place || !put_name(packet, owner_at, suffixes, Compression::kAllowed)) return false;
    if (bytes_.size() > UINT16_MAX) return false;
    put_u16(static_cast<std::uint16_t>(record.type));
    put_u16(record.rr_class);
    ttl_at_.push_back(static_cast<std::uint16_t>(bytes_.size()));
    put(packet.subspan(record.ttl_at, 4));
    const std::size_t size_at = bytes_.size();
    put_u16(0);
    if (!map_data(packet, record, place->at, place->names, suffixes)) return false;
    const std::size_t size = bytes_.size() - size_at - 2;
    if (size > UINT16_MAX || bytes_.size() > kMaxMessage) return false;
    store_be16(bytes_.data() + size_at, static_cast<std::uint16_t>(size));
    return true;
}

bool AnswerMapper::map_section(ByteView packet, std::size_t& at, unsigned records,
                               const SuffixPair& suffixes, std::uint16_t& count) {
    count = 0;
    for (; records > 0; --records) {
        const auto record = read_record(packet, at);
        if (!record) return false;
        if (is_left_away(record->type)) continue;
        if (!map_record(packet, *record, suffixes)) return false;
        ++count;
    }
    return true;
}

bool AnswerMapper::map(const AnswerImage& image, const SuffixPair& suffixes, const Name& asked) {
    task_ = Task::kMap;
    return rewrite(image, suffixes, asked);
}

bool AnswerMapper::strip(const AnswerImage& image, const Name& asked) {
    task_ = Task::kStrip;
    static const Name kRoot;
    return rewrite(image, {kRoot, kRoot}, asked);
}

bool AnswerMapper::rewrite(const AnswerImage& image, const SuffixPair& suffixes,
                           const Name& asked) {
    const ByteView packet = image.bytes;
    bytes_.clear();
    ttl_at_.clear();
    asked_ = asked;
    rcode_ = image.rcode;
    std::size_t at = kHeaderSize;
    if (packet.size() < kHeaderSize || !skip_name(packet, at) || packet.size() - at < 4)
        return false;
    put(packet.first(kHeaderSize));
    put(asked.wire());
    put(packet.subspan(at, 4));
    asked_type_ = static_cast<RrType>(load_be16(packet.data() + at));
    at += 4;
    std::uint16_t authorities = 0;
    if (!map_section(packet, at, image.answers, suffixes, answers_) ||
        !map_section(packet, at, load_be16(packet.data() + 8), suffixes, authorities) ||
        !map_section(packet, at, image.additionals, suffixes, additionals_))
        return false;
    store_be16(bytes_.data() + 6, answers_);
    store_be16(bytes_.data() + 8, authorities);
    store_be16(bytes_.data() + 10, additionals_);
    return true;
}

AnswerImage AnswerMapper::image() const noexcept {
    return {bytes_, ttl_at_, answers_, additionals_, rcode_, false};
}

}  // namespace hearth::dns
