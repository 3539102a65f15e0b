#pragma once

#include "config/field.h"

namespace hearth::config {

// dns.query_log
[[nodiscard]] const Section<QueryLogSettings>& query_log_section();
// dns.dnstap
[[nodiscard]] const Section<Dnstap>& dnstap_section();

}  // namespace hearth::config
