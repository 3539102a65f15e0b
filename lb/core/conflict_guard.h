#pragma once

#include <cstdint>
#include <optional>

#include "base/mac.h"
#include "base/time.h"

namespace hearth::lb {

// Another machine that uses one of our VIPs (RFC 5227 §2.4): remembered with its MAC until it
// has been silent for a while, and answered at most once per DEFEND_INTERVAL. It may be a router of
// the group whose MAC is not known yet, so it is reported only after a moment.
class ConflictGuard {
public:
    void observe(MacAddress mac, TimePoint now) noexcept;
    // A conflict that has lasted and was not reported yet; it counts as reported.
    [[nodiscard]] std::optional<MacAddress> take_report(TimePoint now) noexcept;
    [[nodiscard]] TimePoint next_deadline() const noexcept;
    // True when the owner may defend the address now; it counts as done.
    [[nodiscard]] bool take_defence(TimePoint now) noexcept;
    // The reported holder's MAC, while it was heard lately.
    [[nodiscard]] std::optional<MacAddress> holder(TimePoint now) const noexcept;
    // Forgets `mac`: it turned out to belong to a router of this group.
    void absolve(MacAddress mac) noexcept;

    static constexpr Duration kDefendInterval = 10s;
    static constexpr Duration kReportAfter = 500ms;
    static constexpr Duration kForgetAfter = 60s;

private:
    enum class Report : std::uint8_t { kPending, kDone };

    std::optional<MacAddress> holder_;
    Report report_ = Report::kPending;
    TimePoint first_heard_{};
    TimePoint last_heard_{};
    std::optional<TimePoint> last_defence_;
};

}  // namespace hearth::lb
