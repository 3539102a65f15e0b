#pragma once

#include "config/field.h"

namespace hearth::config {

[[nodiscard]] const Section<Middleware>& middleware_section();
// A name of `middleware`, or a section of one's own.
[[nodiscard]] Codec<std::vector<Middleware>> used_middleware();

}  // namespace hearth::config
