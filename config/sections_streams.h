#pragma once

#include <vector>

#include "config/field.h"

// Services that are passed on without a look inside.
namespace hearth::config {

[[nodiscard]] std::vector<Field> stream_fields();
// False after it has reported what such a service, or another one, cannot have.
[[nodiscard]] bool finish_stream(const Value& value, Span key_span, Service& service,
                                 ReadContext& context);

}  // namespace hearth::config
