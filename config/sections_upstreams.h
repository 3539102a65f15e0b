#pragma once

#include "config/field.h"

namespace hearth::config {

[[nodiscard]] const Section<HttpUpstream>& http_upstream_section();
[[nodiscard]] const Section<HealthCheck>& health_section();
[[nodiscard]] const Section<RequestLimit>& limit_section();
// The name of a cookie or a header field.
[[nodiscard]] Codec<std::string> token();
// "/health", without spaces.
[[nodiscard]] Codec<std::string> url_path();

}  // namespace hearth::config
