#include "bench/dns_questions.h"

#include <fstream>

namespace hearth::bench {
namespace {

constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::size_t kHeader = 12;

}  // namespace

QuestionSource::Question QuestionSource::next(ByteSpan packet, std::uint16_t id) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const auto dice = static_cast<unsigned>(random_ >> 32) % 100;
    const auto pick = [&](const std::vector<Name>& names) -> const Name& {
        return names[static_cast<std::size_t>(random_ & 0xffffffff) % names.size()];
    };

    Question question;
    Name name;
    if (dice < mix_.cached_share) {
        name = pick(mix_.cached);
    } else if (dice < mix_.cached_share + mix_.blocked_share) {
        question.kind = QuestionKind::kBlocked;
        name = pick(mix_.blocked);
    } else {
        question.kind = QuestionKind::kFresh;
        name = Name::parse("n" + std::to_string(fresh_++) + "-" + std::to_string(stream_) + "." +
                           mix_.fresh_zone)
                   .value_or(Name());
    }
    ByteWriter writer(packet);
    writer.u16(id);
    writer.u16(kRecursionDesired);
    writer.u16(1);
    writer.fill(6, 0);
    writer.bytes(name.wire());
    writer.u16(1);  // A
    writer.u16(1);  // IN
    question.size = writer.size();
    return question;
}

bool is_right(ByteView answer, QuestionKind kind) noexcept {
    if (answer.size() < kHeader + 16) return false;
    if ((answer[3] & 0x0f) != 0 || load_be16(answer.data() + 6) == 0) return false;
    if (load_be16(answer.data() + 10) != 0) return true;  // the address is not last: not judged
    const bool zero = load_be32(answer.data() + answer.size() - 4) == 0;
    return zero == (kind == QuestionKind::kBlocked);
}

std::vector<Name> read_names(const std::string& path) {
    std::vector<Name> names;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);)
        if (const auto name = Name::parse(line)) names.push_back(*name);
    return names;
}

}  // namespace hearth::bench
