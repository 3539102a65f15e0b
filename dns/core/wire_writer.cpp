#include "dns/core/wire_writer.h"

#include <algorithm>
#include <cstring>

namespace hearth::dns {
namespace {

constexpr std::uint16_t kInternet = static_cast<std::uint16_t>(RrClass::kIn);
constexpr std::uint16_t kPointerToQuestion = 0xc000 | kHeaderSize;

std::uint16_t number(RrType type) noexcept { return static_cast<std::uint16_t>(type); }

void header(ByteWriter& out, const AskedQuestion& asked, std::uint16_t flags) noexcept {
    out.u16(asked.id);
    out.u16(flags);
    out.u16(asked.question.empty() ? 0 : 1);
    out.u16(0);
    out.u16(0);
    out.u16(0);
    out.bytes(asked.question);
}

AskedQuestion asked_by(const QueryView& query, std::size_t size_limit) noexcept {
    AskedQuestion asked;
    asked.id = query.id;
    asked.flags = query.flags;
    asked.question = query.question;
    if (!query.question.empty()) asked.qname = &query.qname;
    asked.has_edns = query.has_edns;
    asked.dnssec_ok = query.has_edns && query.edns.dnssec_ok;
    asked.size_limit = size_limit;
    return asked;
}

}  // namespace

AskedQuestion AskedQuestion::over_udp(const QueryView& query) noexcept {
    const std::size_t offered = query.has_edns ? query.edns.udp_size : kPlainUdpSize;
    return asked_by(query, std::clamp(offered, kPlainUdpSize, kEdnsUdpSize));
}

AskedQuestion AskedQuestion::over_tcp(const QueryView& query) noexcept {
    return asked_by(query, kMaxMessage);
}

std::size_t AskedQuestion::opt_size() const noexcept {
    return has_edns ? kOptSize + options.size() : 0;
}

std::uint16_t answer_flags(std::uint16_t asked, Rcode rcode, Authority authority) noexcept {
    unsigned flags = kFlagQr | kFlagRa | (asked & (kOpcodeMask | kFlagRd | kFlagCd)) |
                     (static_cast<unsigned>(rcode) & kRcodeMask);
    if (authority == Authority::kAuthoritative) flags |= kFlagAa;
    return static_cast<std::uint16_t>(flags);
}

std::size_t append_opt(ByteSpan buffer, std::size_t size, const AskedQuestion& asked, Rcode rcode,
                       const std::optional<ExtendedError>& error) noexcept {
    const std::size_t error_size = error ? 6 + error->text.size() : 0;
    const std::size_t limit = std::min(asked.size_limit, buffer.size());
    const std::size_t plain_size = size + kOptSize + asked.options.size();
    const bool with_error = error && plain_size + error_size <= limit;
    const std::size_t padding =
        asked.options.padding_after(plain_size + (with_error ? error_size : 0), limit);
    ByteWriter out(buffer.subspan(size));
    out.u8(0);
    out.u16(number(RrType::kOpt));
    out.u16(kEdnsUdpSize);
    out.u32(static_cast<std::uint32_t>(static_cast<unsigned>(rcode) >> 4 << 24) |
            (asked.dnssec_ok ? kEdnsDnssecOk : 0U));
    out.u16(
        static_cast<std::uint16_t>(asked.options.size() + (with_error ? error_size : 0) + padding));
    if (with_error) {
        out.u16(static_cast<std::uint16_t>(EdnsOption::kEde));
        out.u16(static_cast<std::uint16_t>(2 + error->text.size()));
        out.u16(static_cast<std::uint16_t>(error->code));
        out.bytes(as_bytes(error->text));
    }
    asked.options.write(out);
    if (padding > 0) {
        out.u16(static_cast<std::uint16_t>(EdnsOption::kPadding));
        out.u16(static_cast<std::uint16_t>(padding - 4));
        out.fill(padding - 4, 0);
    }
    std::uint8_t* additionals = buffer.data() + 10;
    store_be16(additionals, static_cast<std::uint16_t>(load_be16(additionals) + 1));
    return size + out.size();
}

std::size_t write_truncated(ByteSpan buffer, const AskedQuestion& asked, Rcode rcode,
                            Authority authority) noexcept {
    ByteWriter out(buffer);
    header(out, asked,
           static_cast<std::uint16_t>(answer_flags(asked.flags, rcode, authority) | kFlagTc));
    if (out.failed()) return 0;
    if (!asked.has_edns || out.room() < asked.opt_size()) return out.size();
    return append_opt(buffer, out.size(), asked, rcode, {});
}

ResponseWriter::ResponseWriter(ByteSpan out, const AskedQuestion& asked, Rcode rcode,
                               Authority authority) noexcept
    : asked_(asked), buffer_(out), rcode_(rcode), authority_(authority), out_(out) {
    header(out_, asked, answer_flags(asked.flags, rcode, authority));
}

// A pointer to the question's name, or to the part of it that `name` ends in.
void ResponseWriter::name(const Name& name) noexcept {
    const auto wire = name.wire();
    const auto question = asked_.qname != nullptr ? asked_.qname->wire() : ByteView{};
    std::size_t at = 0;
    while (wire[at] != 0) {
        const std::size_t left = wire.size() - at;
        if (left <= question.size()) {
            const std::size_t skip = question.size() - left;
            // The suffix must begin at a label of the question, not within one.
            std::size_t label = 0;
            while (label < skip) label += question[label] + 1U;
            if (label == skip && std::memcmp(question.data() + skip, wire.data() + at, left) == 0) {
                out_.u16(static_cast<std::uint16_t>(kPointerToQuestion + skip));
                return;
            }
        }
        out_.bytes(wire.subspan(at, wire[at] + 1U));
        at += wire[at] + 1U;
    }
    out_.u8(0);
}

void ResponseWriter::owner(const Name* owner) noexcept {
    if (owner != nullptr) {
        name(*owner);
    } else if (asked_.qname == nullptr || asked_.qname->is_root()) {
        out_.u8(0);
    } else {
        out_.u16(kPointerToQuestion);
    }
}

void ResponseWriter::address(const Name* who, std::uint32_t ttl,
                             const IpAddress& address) noexcept {
    record(who, address.is_v4() ? RrType::kA : RrType::kAaaa, ttl, address.bytes());
}

void ResponseWriter::record(const Name* who, RrType type, std::uint32_t ttl,
                            ByteView rdata) noexcept {
    owner(who);
    out_.u16(number(type));
    out_.u16(kInternet);
    out_.u32(ttl);
    out_.u16(static_cast<std::uint16_t>(rdata.size()));
    out_.bytes(rdata);
    ++(required_ == 0 ? answers_ : additionals_);
}

void ResponseWriter::target(const Name* who, RrType type, std::uint32_t ttl,
                            const Name& target) noexcept {
    owner(who);
    out_.u16(number(type));
    out_.u16(kInternet);
    out_.u32(ttl);
    const std::size_t size_at = out_.size();
    out_.u16(0);
    name(target);
    if (!out_.failed())
        out_.patch_u16(size_at, static_cast<std::uint16_t>(out_.size() - size_at - 2));
    ++answers_;
}

void ResponseWriter::hinfo_rfc8482(std::uint32_t ttl) noexcept {
    static constexpr std::uint8_t kData[] = {7, 'R', 'F', 'C', '8', '4', '8', '2', 0};
    static constexpr auto kHinfo = static_cast<RrType>(13);
    record(nullptr, kHinfo, ttl, kData);
}

void ResponseWriter::soa_record(const Soa& soa) noexcept {
    name(soa.zone);
    out_.u16(number(RrType::kSoa));
    out_.u16(kInternet);
    out_.u32(soa.ttl);
    const std::size_t size_at = out_.size();
    out_.u16(0);
    name(soa.primary);
    // The mailbox: "." says there is none to write to.
    out_.u8(0);
    for (const std::uint32_t value : {1U, 3600U, 600U, 86400U, soa.ttl}) out_.u32(value);
    if (!out_.failed())
        out_.patch_u16(size_at, static_cast<std::uint16_t>(out_.size() - size_at - 2));
}

void ResponseWriter::soa_answer(const Soa& soa) noexcept {
    soa_record(soa);
    ++answers_;
}

void ResponseWriter::soa_authority(const Soa& soa) noexcept {
    soa_record(soa);
    ++authorities_;
}

void ResponseWriter::soa_authority(const Name& zone, std::uint32_t ttl, ByteView rdata) noexcept {
    record(&zone, RrType::kSoa, ttl, rdata);
    --answers_;
    ++authorities_;
}

void ResponseWriter::begin_additional() noexcept {
    if (!out_.failed()) required_ = out_.size();
}

std::size_t ResponseWriter::finish(const std::optional<ExtendedError>& error) noexcept {
    const std::size_t opt = asked_.opt_size();
    if (required_ != 0 && (out_.failed() || out_.size() + opt > asked_.size_limit)) {
        out_.rewind(required_);
        additionals_ = 0;
    }
    if (out_.failed() || out_.size() + opt > asked_.size_limit || out_.room() < opt)
        return write_truncated(buffer_, asked_, rcode_, authority_);
    out_.patch_u16(6, answers_);
    out_.patch_u16(8, authorities_);
    out_.patch_u16(10, additionals_);
    if (!asked_.has_edns) return out_.size();
    return append_opt(buffer_, out_.size(), asked_, rcode_, error);
}

void mix_letters(ByteSpan name, std::uint64_t letters) noexcept {
    for (std::size_t i = 0; i < name.size(); ++i) {
        // Lengths of labels are below all letters.
        const bool is_letter = name[i] >= 'a' && name[i] <= 'z';
        if (is_letter && (letters >> (i % 64) & 1) != 0)
            name[i] = static_cast<std::uint8_t>(name[i] - ('a' - 'A'));
    }
}

namespace {

void edns_option(ByteWriter& out, EdnsOption code, ByteView data) noexcept {
    if (data.empty()) return;
    out.u16(static_cast<std::uint16_t>(code));
    out.u16(static_cast<std::uint16_t>(data.size()));
    out.bytes(data);
}

// RFC 7871 §6: as many octets of the address as the prefix covers.
void client_subnet_option(ByteWriter& out, const IpPrefix& subnet) noexcept {
    const auto length = static_cast<std::size_t>(subnet.length());
    const std::size_t octets = (length + 7) / 8;
    out.u16(static_cast<std::uint16_t>(EdnsOption::kClientSubnet));
    out.u16(static_cast<std::uint16_t>(4 + octets));
    out.u16(subnet.address().is_v4() ? 1 : 2);
    out.u8(static_cast<std::uint8_t>(length));
    out.u8(0);
    out.bytes(subnet.address().bytes().first(octets));
}

}  // namespace

std::size_t write_upstream_question(ByteSpan buffer, const UpstreamQuestion& q) noexcept {
    ByteWriter out(buffer);
    out.u16(q.id);
    out.u16(static_cast<std::uint16_t>(kFlagRd | (q.checking_disabled ? kFlagCd : 0)));
    out.u16(1);
    out.u32(0);
    out.u16(q.edns_size != 0 ? 1 : 0);
    const std::size_t name_at = out.size();
    out.bytes(q.qname.wire());
    if (!out.failed()) mix_letters(buffer.subspan(name_at, q.qname.wire().size()), q.letters);
    out.u16(number(q.qtype));
    out.u16(kInternet);
    if (q.edns_size != 0) {
        out.u8(0);
        out.u16(number(RrType::kOpt));
        out.u16(q.edns_size);
        out.u32(q.dnssec_ok ? kEdnsDnssecOk : 0U);
        const std::size_t size_at = out.size();
        out.u16(0);
        edns_option(out, EdnsOption::kCookie, q.cookie);
        edns_option(out, EdnsOption::kLoopTag, q.tag);
        if (q.client_subnet) client_subnet_option(out, *q.client_subnet);
        if (!out.failed())
            out.patch_u16(size_at, static_cast<std::uint16_t>(out.size() - size_at - 2));
    }
    return out.failed() ? 0 : out.size();
}

}  // namespace hearth::dns
