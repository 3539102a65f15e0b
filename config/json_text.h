#pragma once

#include <string>
#include <string_view>

namespace hearth::config {

// `text` as a JSON string with its quotes (RFC 8259 §7). Octets that are not UTF-8 become
// U+FFFD, so the result is always valid JSON.
[[nodiscard]] std::string json_quote(std::string_view text);

}  // namespace hearth::config
