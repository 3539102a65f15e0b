#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>

#include "cli/console.h"

// One event of a daemon as one line for people.
namespace hearth::cli {

[[nodiscard]] std::string query_line(const boost::json::value& event, const Console& console);
// The same without the time.
[[nodiscard]] std::string query_text(const boost::json::value& event, const Console& console);
// "11-20 23:40:15", in local time
[[nodiscard]] std::string moment_text(std::int64_t unix_ms);
[[nodiscard]] std::string request_line(const boost::json::value& event, const Console& console);
[[nodiscard]] std::string log_line(const boost::json::value& event, const Console& console);

}  // namespace hearth::cli
