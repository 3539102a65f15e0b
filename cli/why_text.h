#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "cli/console.h"

namespace hearth::cli {

// hearth-dns's answer to GET /why, for people.
[[nodiscard]] std::string why_text(const boost::json::value& answer, const Console& console);

}  // namespace hearth::cli
