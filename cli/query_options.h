#pragma once

#include <string>
#include <vector>

#include "cli/command_table.h"

namespace hearth::cli {

// The options that choose questions, for `hearth queries` and `hearth tail dns`.
[[nodiscard]] std::vector<Option> query_filter_options();
// And those of a page.
[[nodiscard]] std::vector<Option> query_page_options();
// Those of the filter that were given, as a query string: "client=10.0.0.7&reason=blocked".
[[nodiscard]] std::string query_filter_text(const Invocation& invocation);

// As complain_of("dns", …), but what the daemon refuses is the command line's fault.
[[nodiscard]] Exit complain_of_filter(const Error& error, const Console& console);

}  // namespace hearth::cli
