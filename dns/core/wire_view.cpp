#include "dns/core/wire_view.h"

#include <array>
#include <cstring>

namespace hearth::dns {
namespace {

constexpr std::uint8_t kPointerBits = 0xc0;

// The question section's only entry; a compressed name is refused because nothing stands
// before it that it could point to.
bool parse_question(ByteView packet, QueryView& out) noexcept {
    std::size_t at = kHeaderSize;
    while (true) {
        if (at >= packet.size() || at - kHeaderSize >= Name::kMaxWire) return false;
        const std::uint8_t length = packet[at];
        if (length > Name::kMaxLabel) return false;
        at += length + 1U;
        if (length == 0) break;
    }
    if (at + 4 > packet.size()) return false;
    if (!out.qname.assign_wire(packet.subspan(kHeaderSize, at - kHeaderSize))) return false;
    out.qtype = static_cast<RrType>(load_be16(packet.data() + at));
    out.qclass = static_cast<RrClass>(load_be16(packet.data() + at + 2));
    out.question = packet.subspan(kHeaderSize, at + 4 - kHeaderSize);
    return true;
}

}  // namespace

std::optional<ByteView> EdnsView::find(EdnsOption code) const noexcept {
    ByteReader reader(options);
    while (reader.remaining() >= 4) {
        const auto found = reader.u16();
        const auto data = reader.bytes(reader.u16());
        if (reader.failed()) break;
        if (found == static_cast<std::uint16_t>(code)) return data;
    }
    return std::nullopt;
}

bool options_well_formed(ByteView options) noexcept {
    ByteReader reader(options);
    while (reader.remaining() > 0 && !reader.failed()) {
        reader.skip(2);
        reader.skip(reader.u16());
    }
    return !reader.failed();
}

bool skip_name(ByteView packet, std::size_t& offset) noexcept {
    std::size_t at = offset;
    while (at < packet.size()) {
        const std::uint8_t length = packet[at];
        if ((length & kPointerBits) == kPointerBits) {
            offset = at + 2;
            return offset <= packet.size();
        }
        if (length > Name::kMaxLabel) return false;
        at += length + 1U;
        if (length == 0) {
            offset = at;
            return true;
        }
    }
    return false;
}

std::optional<Name> read_name(ByteView packet, std::size_t& offset) noexcept {
    std::array<std::uint8_t, Name::kMaxWire> wire;
    std::size_t size = 0;
    std::size_t at = offset;
    std::size_t lowest = offset;  // pointers must go below it
    std::size_t end = 0;          // behind the name in the record, once known
    while (at < packet.size()) {
        const std::uint8_t length = packet[at];
        if ((length & kPointerBits) == kPointerBits) {
            if (at + 2 > packet.size()) return std::nullopt;
            const std::size_t target = load_be16(packet.data() + at) & 0x3fffU;
            if (end == 0) end = at + 2;
            if (target >= lowest || target < kHeaderSize) return std::nullopt;
            at = lowest = target;
            continue;
        }
        if (length > Name::kMaxLabel || at + 1 + length > packet.size() ||
            size + 1 + length > wire.size())
            return std::nullopt;
        std::memcpy(wire.data() + size, packet.data() + at, length + 1U);
        size += length + 1U;
        at += length + 1U;
        if (length == 0) {
            offset = end != 0 ? end : at;
            return Name::from_wire({wire.data(), size});
        }
    }
    return std::nullopt;
}

std::optional<Name> read_rdata_name(ByteView rdata, std::size_t& offset) noexcept {
    std::size_t end = offset;
    while (end < rdata.size() && rdata[end] != 0) end += rdata[end] + 1U;
    if (end >= rdata.size()) return std::nullopt;
    const ByteView wire = rdata.subspan(offset, end + 1 - offset);
    offset = end + 1;
    return Name::from_wire(wire);
}

std::optional<RecordView> read_record(ByteView packet, std::size_t& offset) noexcept {
    RecordView record;
    record.owner_at = offset;
    std::size_t at = offset;
    if (!skip_name(packet, at) || packet.size() - at < 10) return std::nullopt;
    record.type = static_cast<RrType>(load_be16(packet.data() + at));
    record.rr_class = load_be16(packet.data() + at + 2);
    record.ttl_at = at + 4;
    record.ttl = load_be32(packet.data() + at + 4);
    record.rdata_size = load_be16(packet.data() + at + 8);
    record.rdata_at = at + 10;
    if (packet.size() - record.rdata_at < record.rdata_size) return std::nullopt;
    offset = record.rdata_at + record.rdata_size;
    return record;
}

EdnsView edns_of(ByteView packet, const RecordView& opt) noexcept {
    EdnsView edns;
    edns.udp_size = opt.rr_class;
    edns.extended_rcode = static_cast<std::uint8_t>(opt.ttl >> 24);
    edns.version = static_cast<std::uint8_t>(opt.ttl >> 16);
    edns.dnssec_ok = (opt.ttl & kEdnsDnssecOk) != 0;
    edns.options = packet.subspan(opt.rdata_at, opt.rdata_size);
    return edns;
}

QueryFault parse_query(ByteView packet, QueryView& out) noexcept {
    if (packet.size() < kHeaderSize) return QueryFault::kDrop;
    const std::uint8_t* p = packet.data();
    out.id = load_be16(p);
    out.flags = load_be16(p + 2);
    out.question = {};
    out.has_edns = false;
    if ((out.flags & kFlagQr) != 0) return QueryFault::kDrop;
    if ((out.flags & kOpcodeMask) != 0) return QueryFault::kNotImp;
    const unsigned questions = load_be16(p + 4);
    const unsigned answers = load_be16(p + 6);
    const unsigned others = load_be16(p + 8) + load_be16(p + 10);
    if (questions > 1 || answers != 0) return QueryFault::kFormErr;
    if (questions == 1 && !parse_question(packet, out)) return QueryFault::kFormErr;

    std::size_t at = kHeaderSize + out.question.size();
    for (unsigned i = 0; i < others; ++i) {
        const auto record = read_record(packet, at);
        if (!record) return QueryFault::kFormErr;
        if (record->type != RrType::kOpt) continue;
        // One OPT at the root, in the additional section (RFC 6891 §6.1.1).
        if (out.has_edns || packet[record->owner_at] != 0 || i < load_be16(p + 8))
            return QueryFault::kFormErr;
        out.has_edns = true;
        out.edns = edns_of(packet, *record);
    }
    if (at != packet.size()) return QueryFault::kFormErr;
    if (!out.has_edns) return questions == 1 ? QueryFault::kNone : QueryFault::kFormErr;
    if (out.edns.version != 0) return QueryFault::kBadVers;
    if (!options_well_formed(out.edns.options)) return QueryFault::kFormErr;
    if (questions == 1) return QueryFault::kNone;
    return out.edns.find(EdnsOption::kCookie) ? QueryFault::kNoQuestion : QueryFault::kFormErr;
}

}  // namespace hearth::dns
