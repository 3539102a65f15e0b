#include "lb/core/soa_question.h"

namespace hearth::lb {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kSoa = 6;
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kNxDomain = 3;
constexpr std::uint16_t kRcode = 0x000f;

}  // namespace

std::vector<std::uint8_t> write_soa_question(std::uint16_t id, const Name& domain,
                                             SoaServer server) {
    const ByteView qname = domain.wire();
    std::vector<std::uint8_t> message(kHeader + qname.size() + 4);
    ByteWriter out(message);
    out.u16(id);
    // Of ours no recursion is wanted: what it knows itself.
    out.u16(server == SoaServer::kOurs ? 0 : kRecursionDesired);
    out.u16(1);
    out.fill(6, 0);
    out.bytes(qname);
    out.u16(kSoa);
    out.u16(kInternet);
    return message;
}

bool is_soa_answer(ByteView message, std::uint16_t id, SoaServer server) noexcept {
    ByteReader in(message);
    const bool ours = in.u16() == id;
    const std::uint16_t flags = in.u16();
    in.skip(2);
    const std::uint16_t answers = in.u16();
    if (in.failed() || !ours || (flags & kResponse) == 0) return false;
    const std::uint16_t rcode = flags & kRcode;
    return server == SoaServer::kOurs ? rcode == 0 && answers > 0
                                      : rcode == 0 || rcode == kNxDomain;
}

}  // namespace hearth::lb
