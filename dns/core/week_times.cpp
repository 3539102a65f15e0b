#include "dns/core/week_times.h"

#include <algorithm>

namespace hearth::dns {
namespace {

constexpr std::int64_t kMinutesPerDay = 24 * 60;

std::int64_t floor_div(std::int64_t value, std::int64_t by) noexcept {
    return value / by - (value % by < 0 ? 1 : 0);
}

}  // namespace

LocalMinute local_minute(std::int64_t utc_s, std::int64_t offset_s) noexcept {
    const std::int64_t minutes = floor_div(utc_s + offset_s, 60);
    const std::int64_t day = floor_div(minutes, kMinutesPerDay);
    const std::int64_t weekday = day + 3 - floor_div(day + 3, 7) * 7;  // 1970 began on a Thursday
    return {static_cast<int>(weekday), static_cast<int>(minutes - day * kMinutesPerDay)};
}

bool WeekTimes::contains(const LocalMinute& at) const noexcept {
    const bool today = (days >> at.weekday & 1) != 0;
    const bool yesterday = (days >> ((at.weekday + 6) % 7) & 1) != 0;
    return std::any_of(spans.begin(), spans.end(), [&](const Span& span) {
        if (span.from < span.until)
            return today && at.minute >= span.from && at.minute < span.until;
        return (today && at.minute >= span.from) || (yesterday && at.minute < span.until);
    });
}

}  // namespace hearth::dns
