#pragma once

#include "config/field.h"

namespace hearth::config {

// dns.tls
[[nodiscard]] const Section<DnsTls>& dns_tls_section();
// dns.rate_limit
[[nodiscard]] const Section<RateLimit>& rate_limit_section();

}  // namespace hearth::config
