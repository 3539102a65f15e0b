#include "lb/core/soa_question.h"

namespace hearth::lb {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kSoa = 6;
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kRcode = 0x000f;

}  // namespace

std::vector<std::uint8_t> write_soa_question(std::uint16_t id, const Name& domain) {
    const ByteView qname = domain.wire();
    std::vector<std::uint8_t> message(kHeader + qname.size() + 4);
    ByteWriter out(message);
    out.u16(id);
    out.u16(0);  // no recursion wanted: what it knows itself
    out.u16(1);
    out.fill(6, 0);
    out.bytes(qname);
    out.u16(kSoa);
    out.u16(kInternet);
    return message;
}

bool is_soa_answer(ByteView message, std::uint16_t id) noexcept {
    ByteReader in(message);
    const bool ours = in.u16() == id;
    const std::uint16_t flags = in.u16();
    in.skip(2);
    const std::uint16_t answers = in.u16();
    return !in.failed() && ours && (flags & kResponse) != 0 && (flags & kRcode) == 0 && answers > 0;
}

}  // namespace hearth::lb
