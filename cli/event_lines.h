#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "cli/console.h"

// One event of a daemon as one line for people.
namespace hearth::cli {

[[nodiscard]] std::string query_line(const boost::json::value& event, const Console& console);
[[nodiscard]] std::string request_line(const boost::json::value& event, const Console& console);
[[nodiscard]] std::string log_line(const boost::json::value& event, const Console& console);

}  // namespace hearth::cli
