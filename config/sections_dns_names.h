#pragma once

#include "config/field.h"

namespace hearth::config {

// dns.records
[[nodiscard]] Field local_records_field();
// dns.forward[].zones: a name, or a network that stands for its reverse zone.
[[nodiscard]] Codec<Name> forward_zone();
// dns.zones[]
[[nodiscard]] const Section<ZoneFile>& zone_file_section();
// dns.rewrite[]
[[nodiscard]] const Section<SuffixRewrite>& suffix_rewrite_section();

}  // namespace hearth::config
