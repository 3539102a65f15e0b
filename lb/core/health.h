#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"
#include "lb/model/virtual_router.h"

namespace hearth::lb {

// Whether one daemon of this node is fit to serve behind a VIP. Two witnesses: the connection that
// ends with the process, at once, and questions that must be answered. Only both make it
// good; a single unanswered question does not make it bad.
class DaemonHealth {
public:
    void connected() noexcept { link_ = Link::kOpen; }
    // The process is gone, or never was there.
    void disconnected() noexcept;
    void answered() noexcept;
    void unanswered() noexcept;

    [[nodiscard]] Health health() const noexcept { return health_; }
    // None while a process that was just connected to has not been asked often enough.
    [[nodiscard]] std::optional<Health> verdict() const noexcept;
    // For people: why it is bad, or "ok".
    [[nodiscard]] std::string_view reason() const noexcept;
    // Until the next question: often while it may become good, calmly afterwards.
    [[nodiscard]] Duration until_next_question() const noexcept {
        return health_ == Health::kGood && failures_ == 0 ? kCalm : kSoon;
    }

    static constexpr int kRise = 2;
    static constexpr int kFall = 3;
    static constexpr Duration kCalm = 500ms;
    static constexpr Duration kSoon = 200ms;

private:
    enum class Link : std::uint8_t { kClosed, kOpen };

    Link link_ = Link::kClosed;
    Health health_ = Health::kBad;
    int successes_ = 0;
    int failures_ = 0;
};

}  // namespace hearth::lb
