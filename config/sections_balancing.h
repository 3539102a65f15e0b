#pragma once

#include <vector>

#include "config/field.h"

namespace hearth::config {

// The rows of services.NAME for what is reached by its ports.
[[nodiscard]] std::vector<Field> balancing_fields();

// Those keys belong to services with `ports` alone.
[[nodiscard]] bool finish_balancing(const Value& value, const Service& service,
                                    ReadContext& context);

}  // namespace hearth::config
