#pragma once

#include "proxy/model/balancing.h"

namespace hearth::proxy {

// Whether an upstream is well, from the answers to its checks: it takes `fall` bad ones in a row to
// take it out, `rise` good ones to bring it back. The first answer alone decides at the start.
class HealthJudge {
public:
    explicit HealthJudge(const HealthCheck& check) noexcept
        : rise_(check.rise), fall_(check.fall) {}

    enum class Answer : bool { kBad, kGood };
    // True when that changed is_up().
    bool report(Answer answer) noexcept;
    [[nodiscard]] bool is_up() const noexcept { return up_; }

private:
    unsigned rise_;
    unsigned fall_;
    bool first_ = true;
    bool up_ = true;
    unsigned against_ = 0;  // answers in a row that speak for the other state
};

}  // namespace hearth::proxy
