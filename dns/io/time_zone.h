#pragma once

#include <cstdint>
#include <string>

namespace hearth::dns {

// How far local time in `zone` ("Europe/Vienna"; empty: the machine's) is ahead of UTC at that
// moment, in seconds. UTC itself for a zone that the system's tzdata does not have.
[[nodiscard]] std::int64_t zone_offset_s(const std::string& zone, std::int64_t utc_s);
[[nodiscard]] bool has_time_zone(const std::string& zone);

}  // namespace hearth::dns
