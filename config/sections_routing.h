#pragma once

#include <vector>

#include "config/field.h"

namespace hearth::config {

// The rows of services.NAME for which requests it gets, and what of them is changed.
[[nodiscard]] std::vector<Field> routing_fields();
// What one of them alone cannot say.
[[nodiscard]] bool finish_routing(const Value& value, Span key_span, const Service& service,
                                  ReadContext& context);

}  // namespace hearth::config
