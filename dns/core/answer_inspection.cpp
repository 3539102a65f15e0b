#include "dns/core/answer_inspection.h"

#include <algorithm>
#include <array>

#include "dns/core/wire_view.h"

namespace hearth::dns {
namespace {

constexpr std::uint16_t kIpv4Hint = 4;  // RFC 9460 §14.3.2
constexpr std::uint16_t kIpv6Hint = 6;

bool is_service(RrType type) noexcept { return type == RrType::kSvcb || type == RrType::kHttps; }

// Calls `visit` with each record of the answer section until it returns true.
template <class Visit>
void each_answer(const AnswerImage& image, Visit visit) {
    std::size_t at = kHeaderSize;
    if (!skip_name(image.bytes, at)) return;
    at += 4;
    for (unsigned i = 0; i < image.answers; ++i) {
        const auto record = read_record(image.bytes, at);
        if (!record || visit(*record)) return;
    }
}

const auto& house_networks() {
    static const std::array networks{
        *IpPrefix::parse("10.0.0.0/8"),     *IpPrefix::parse("172.16.0.0/12"),
        *IpPrefix::parse("192.168.0.0/16"), *IpPrefix::parse("100.64.0.0/10"),
        *IpPrefix::parse("169.254.0.0/16"), *IpPrefix::parse("127.0.0.0/8"),
        *IpPrefix::parse("0.0.0.0/8"),      *IpPrefix::parse("fc00::/7"),
        *IpPrefix::parse("fe80::/10"),      *IpPrefix::parse("::1/128"),
        *IpPrefix::parse("::/128")};
    return networks;
}

bool is_house_address(ByteView bytes) noexcept {
    const auto address = IpAddress::from_bytes(bytes);
    return !address.is_unspecified() && is_of_the_house(address);
}

bool any_house_address(ByteView bytes, std::size_t width) noexcept {
    for (; bytes.size() >= width; bytes = bytes.subspan(width))
        if (is_house_address(bytes.first(width))) return true;
    return false;
}

// The parameters of SVCB and HTTPS stand behind priority and an uncompressed target.
bool hints_name_the_house(ByteView packet, std::size_t at, std::size_t end) {
    at += 2;
    if (!skip_name(packet, at)) return false;
    while (at + 4 <= end) {
        const std::uint16_t key = load_be16(packet.data() + at);
        const std::size_t size = load_be16(packet.data() + at + 2);
        at += 4;
        if (at + size > end) return false;
        const ByteView value = packet.subspan(at, size);
        if (key == kIpv4Hint && any_house_address(value, 4)) return true;
        if (key == kIpv6Hint && any_house_address(value, 16)) return true;
        at += size;
    }
    return false;
}

}  // namespace

Verdict inspect_targets(const AnswerImage& image, const BlockPolicy& policy, RrType qtype,
                        const Asker& asker, Name* blocked) {
    Verdict found;
    bool is_personal = false;
    each_answer(image, [&](const auto& record) {
        if (record.type != RrType::kCname && !is_service(record.type)) return false;
        std::size_t at = record.rdata_at + (is_service(record.type) ? 2 : 0);
        const auto target = read_name(image.bytes, at);
        if (!target) return true;
        if (target->is_root()) return false;  // SVCB: the owner itself
        const Verdict verdict = policy.verdict(*target, qtype, asker);
        is_personal |= verdict.is_personal;
        // What a list answers in a name's place is for those who ask for it.
        const bool is_blocked = verdict.blocked() && verdict.source != VerdictSource::kListRewrite;
        if (is_blocked) found = verdict;
        if (is_blocked && blocked != nullptr) *blocked = *target;
        return is_blocked;
    });
    found.is_personal = is_personal;
    return found;
}

bool is_of_the_house(const IpAddress& address) noexcept {
    const auto& networks = house_networks();
    return std::any_of(networks.begin(), networks.end(),
                       [&](const IpPrefix& network) { return network.contains(address); });
}

bool names_the_house(const AnswerImage& image) {
    bool found = false;
    each_answer(image, [&](const auto& record) {
        const std::size_t end = record.rdata_at + record.rdata_size;
        if (record.type == RrType::kA || record.type == RrType::kAaaa)
            found = is_house_address(image.bytes.subspan(record.rdata_at, record.rdata_size));
        if (is_service(record.type))
            found = hints_name_the_house(image.bytes, record.rdata_at, end);
        return found;
    });
    return found;
}

}  // namespace hearth::dns
