#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::runtime {

// A request's target split and percent-decoded (RFC 3986 §2.1).
struct ControlTarget {
    std::string path;
    std::map<std::string, std::string, std::less<>> query;
};

// nullopt: not origin-form, or a broken %-escape.
[[nodiscard]] std::optional<ControlTarget> parse_control_target(std::string_view target);

// Everything but letters, digits and "-._~" as %XX: for values put into a query.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace hearth::runtime
