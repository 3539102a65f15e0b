#pragma once

#include <string>
#include <string_view>

#include "proxy/core/error_page.h"

namespace hearth::proxy {

// A page of the household's own: {{status}}, {{title}}, {{host}}, {{request_id}}, {{message}}, and
// for people of the house {{service}}, {{upstream}}, {{hop}}, {{reason}}, {{advice}}, which are
// empty for others. What stands for them is escaped for text and for attributes in quotes. Other
// braces stay.
[[nodiscard]] std::string fill_template(std::string_view text, const ErrorPage& page);

}  // namespace hearth::proxy
