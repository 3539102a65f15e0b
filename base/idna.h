#pragma once

#include <optional>
#include <string>

namespace hearth {

// A name as people write it ("küche.home") as it is asked for ("xn--kche-0ra.home"): IDNA 2008,
// RFC 5891, without the transitional mapping. ASCII stays as it is. nullopt: no such name may be.
[[nodiscard]] std::optional<std::string> ascii_name(const std::string& text);

}  // namespace hearth
