#pragma once

#include <vector>

#include "config/field.h"

// What a service is, for those that many homes have.
namespace hearth::config {

[[nodiscard]] std::vector<Field> app_fields();
// False after it has reported an app that answers no requests.
[[nodiscard]] bool finish_app(const Value& value, Service& service, ReadContext& context);

}  // namespace hearth::config
