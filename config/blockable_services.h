#pragma once

#include <span>
#include <string_view>

namespace hearth::config {

// A service of the internet that `block: [NAME]` switches off: the names of its own, none that
// others need too.
struct BlockableService {
    std::string_view name;     // as the document has it
    std::string_view title;    // for people
    std::string_view domains;  // blanks between them; each with what is under it
};

// In the order of their names.
[[nodiscard]] std::span<const BlockableService> blockable_services() noexcept;

}  // namespace hearth::config
