#pragma once

#include <string>

#include "config/document.h"

namespace hearth::cli {

// What a request must pass before the service gets it, in the order in which it does; empty:
// nothing.
[[nodiscard]] std::string middleware_text(const config::Service& service);

}  // namespace hearth::cli
