#pragma once

#include <cstdint>
#include <vector>

namespace hearth::dns {

// A moment as the clock on the wall shows it.
struct LocalMinute {
    int weekday = 0;  // 0: Monday
    int minute = 0;   // of the day
};

// The local time of a moment in UTC, given how far local time is ahead.
[[nodiscard]] LocalMinute local_minute(std::int64_t utc_s, std::int64_t offset_s) noexcept;

// Times of the week. They follow the clock on the wall: an hour that a change of summer time leaves
// out is left out, one that comes twice counts twice.
struct WeekTimes {
    struct Span {
        std::uint16_t from = 0;   // minutes of the day
        std::uint16_t until = 0;  // at or before `from`: on the next day
    };
    std::uint8_t days = 0x7f;  // bit 0: Monday; the day on which a span begins
    std::vector<Span> spans;

    [[nodiscard]] bool contains(const LocalMinute& at) const noexcept;
};

}  // namespace hearth::dns
