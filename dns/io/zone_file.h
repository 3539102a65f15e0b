#pragma once

#include <string>
#include <string_view>

#include "base/name.h"
#include "base/result.h"
#include "dns/core/zone_contents.h"

namespace hearth::dns {

// Reads a zone in master file form (RFC 1035 §5, RFC 2308 §4 for $TTL) by ldns, and checks it
// (check_zone). $INCLUDE is refused: one file is one zone. At most kMostZoneRecords. `file` is for
// messages: errors are told as file:line.
inline constexpr std::size_t kMostZoneRecords = 200'000;
[[nodiscard]] Result<ZoneContents> parse_zone(std::string_view text, const std::string& file,
                                              const Name& origin);

}  // namespace hearth::dns
