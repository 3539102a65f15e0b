#pragma once

#include "config/field.h"

// What a node needs besides working daemons.
namespace hearth::config {

[[nodiscard]] const Section<Track>& track_section();

}  // namespace hearth::config
