#pragma once

#include "config/diagnostic.h"
#include "config/yaml_tree.h"

namespace hearth::config {

// Adds `addition` to `base`. Maps merge; anything else that both have is an error that names both
// places. False after an error.
bool merge(Value& base, Value addition, Diagnostics& diagnostics);

}  // namespace hearth::config
