#include "proxy/core/health_judge.h"

#include <utility>

namespace hearth::proxy {

bool HealthJudge::report(Answer answer) noexcept {
    const bool is_first = std::exchange(first_, false);
    if ((answer == Answer::kGood) == up_) {
        against_ = 0;
        return false;
    }
    if (!is_first && ++against_ < (up_ ? fall_ : rise_)) return false;
    against_ = 0;
    up_ = !up_;
    return true;
}

}  // namespace hearth::proxy
