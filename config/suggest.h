#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::config {

// The candidate nearest to `text` by edit distance (insert, delete, replace, swap neighbours),
// if it is near enough to be a slip; else empty. The first of equals.
[[nodiscard]] std::string closest(std::string_view text,
                                  const std::vector<std::string>& candidates);

}  // namespace hearth::config
