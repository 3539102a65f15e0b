#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "lb/model/balanced_service.h"

namespace hearth::lb {

enum class BackendState : std::uint8_t {
    kUnchecked,  // nobody asks
    kUnknown,    // not answered yet: used, unless it was not used before a restart
    kUp,
    kDown,
};

[[nodiscard]] std::string_view to_string(BackendState state) noexcept;

// When which backend is asked, and what its answers make of it: `rise` good ones in a row or
// `fall` bad ones. The very first answer decides alone.
class BackendChecks {
public:
    // Those that go on keep their state; new ones are asked soon, a little apart.
    void apply(const std::set<CheckTarget>& wanted, TimePoint now);

    // To be asked now; each of them is asked again an interval after now.
    [[nodiscard]] std::vector<CheckTarget> take_due(TimePoint now);
    [[nodiscard]] TimePoint next_deadline() const noexcept;  // kNever: there is nothing to ask

    enum class Outcome : std::uint8_t { kAsBefore, kChanged };
    // Answers to targets that are gone are nothing.
    Outcome answered(const CheckTarget& target, bool is_good);
    [[nodiscard]] BackendState state(const CheckTarget& target) const noexcept;
    [[nodiscard]] const std::set<CheckTarget>& down() const noexcept { return down_; }

private:
    struct Track {
        BackendState state = BackendState::kUnknown;
        unsigned row = 0;  // answers in a row that speak against the state
        TimePoint due;
    };
    std::map<CheckTarget, Track> tracks_;
    std::set<std::pair<TimePoint, const CheckTarget*>> queue_;  // keys of tracks_
    std::set<CheckTarget> down_;
};

}  // namespace hearth::lb
