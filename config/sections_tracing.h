#pragma once

#include "config/field.h"

namespace hearth::config {

// proxy.tracing
[[nodiscard]] const Section<Tracing>& tracing_section();

}  // namespace hearth::config
