#pragma once

#include <vector>

#include "config/field.h"

namespace hearth::config {

// {502: pages/down.html, 4xx: pages/sorry.html}
[[nodiscard]] Codec<std::vector<ErrorPageFile>> error_pages();

}  // namespace hearth::config
