#include "proxy/core/answer_skipper.h"

namespace hearth::proxy {

AnswerSkipper::Progress AnswerSkipper::take(std::span<char> octets, std::size_t& used) {
    used = 0;
    if (!has_head_) {
        const Progress head = take_head(octets, used);
        if (head != Progress::kOver) return head;
        has_head_ = true;
    }
    Outgoing nowhere;
    while (used < octets.size() && !body_.done()) {
        nowhere.clear();
        used += body_.advance(octets.subspan(used), nowhere);
        if (body_.refusal() != Refusal::kNone) return Progress::kUseless;
    }
    skipped_ += used;
    if (body_.done()) return used == octets.size() ? Progress::kOver : Progress::kUseless;
    return skipped_ > kMost ? Progress::kUseless : Progress::kGoesOn;
}

AnswerSkipper::Progress AnswerSkipper::take_head(std::span<char> octets, std::size_t& used) {
    for (;;) {
        const auto rest = octets.subspan(used);
        const ParseStatus parsed = parser_.parse({rest.data(), rest.size()}, method_);
        if (parsed == ParseStatus::kNeedMore) return Progress::kGoesOn;
        if (parsed == ParseStatus::kRefused) return Progress::kUseless;
        const ResponseHead& head = parser_.head();
        used += parser_.consumed();
        if (head.status == 101 || !head.keep_alive) return Progress::kUseless;
        if (head.status >= 200) {
            const bool is_long = head.body.kind == BodyKind::kLength && head.body.length > kMost;
            if (is_long || head.body.kind == BodyKind::kUntilClose) return Progress::kUseless;
            body_.start(head.body, BodyKind::kUntilClose);
            return Progress::kOver;
        }
        skipped_ += parser_.consumed();
        if (skipped_ > kMost) return Progress::kUseless;
        parser_.reset();
    }
}

}  // namespace hearth::proxy
