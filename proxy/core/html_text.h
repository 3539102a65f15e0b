#pragma once

#include <string>
#include <string_view>

namespace hearth::proxy {

// Text between tags, or within the quotes of an attribute; of HTML and of XML.
void append_html(std::string& out, std::string_view text);

}  // namespace hearth::proxy
