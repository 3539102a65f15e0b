#include "dns/core/answer_image.h"

#include <algorithm>
#include <cstring>

namespace hearth::dns {
namespace {

// RFC 3597 §4: the types of RFC 1035 whose data servers may compress, and the few later ones
// that some do.
bool may_hold_compressed_names(RrType type) noexcept {
    switch (type) {
        case RrType::kNs:
        case RrType::kSoa:
        case RrType::kPtr:
        case RrType::kMx:
        case RrType::kSrv:
        case RrType::kDname: return true;
        default: return static_cast<unsigned>(type) < 15 && type != RrType::kA;
    }
}

}  // namespace

AnswerImage image_of(ByteView packet, const AnswerView& answer) noexcept {
    return {packet.first(answer.size),
            {answer.ttl_at.data(), answer.ttl_count},
            answer.answers,
            answer.additionals,
            answer.rcode,
            answer.is_secure};
}

std::size_t write_image(ByteSpan buffer, const AskedQuestion& asked, const AnswerImage& image,
                        std::uint32_t age, std::uint32_t ttl_cap,
                        const std::optional<ExtendedError>& error) noexcept {
    const std::size_t size = image.bytes.size();
    const std::size_t whole = size + asked.opt_size();
    if (whole > asked.size_limit || whole > buffer.size())
        return write_truncated(buffer, asked, image.rcode, Authority::kRecursive);
    std::uint8_t* p = buffer.data();
    std::memcpy(p, image.bytes.data(), size);
    std::memcpy(p + kHeaderSize, asked.question.data(), asked.question.size());
    store_be16(p, asked.id);
    std::uint16_t flags = answer_flags(asked.flags, image.rcode, Authority::kRecursive);
    if (image.is_secure && asked.wants_security()) flags |= kFlagAd;
    store_be16(p + 2, flags);
    store_be16(p + 10, image.additionals);
    for (const std::size_t at : image.ttl_at) {
        const std::uint32_t ttl = load_be32(p + at);
        store_be32(p + at, std::min(ttl > age ? ttl - age : 0, ttl_cap));
    }
    if (!asked.has_edns) return size;
    return append_opt(buffer, size, asked, image.rcode, error);
}

void append_chain(ResponseWriter& out, const AnswerImage& image, std::uint32_t age,
                  std::uint32_t ttl_cap) noexcept {
    std::size_t at = kHeaderSize;
    if (!skip_name(image.bytes, at)) return;
    at += 4;
    for (unsigned i = 0; i < image.answers; ++i) {
        const auto record = read_record(image.bytes, at);
        if (!record) return;
        std::size_t name_at = record->owner_at;
        const auto owner = read_name(image.bytes, name_at);
        if (!owner) return;
        const std::uint32_t ttl = std::min(record->ttl > age ? record->ttl - age : 0, ttl_cap);
        if (record->type == RrType::kCname) {
            name_at = record->rdata_at;
            const auto target = read_name(image.bytes, name_at);
            if (target) out.target(&*owner, RrType::kCname, ttl, *target);
        } else if (!may_hold_compressed_names(record->type)) {
            out.record(&*owner, record->type, ttl,
                       image.bytes.subspan(record->rdata_at, record->rdata_size));
        }
    }
}

}  // namespace hearth::dns
