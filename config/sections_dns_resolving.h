#pragma once

#include "config/field.h"

namespace hearth::config {

// dns.dnssec
[[nodiscard]] const Section<Dnssec>& dnssec_section();

}  // namespace hearth::config
