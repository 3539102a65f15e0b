#pragma once

#include <string>

namespace hearth::cli {

// Completion scripts and the manual page, from the command table.
[[nodiscard]] std::string bash_completion();
[[nodiscard]] std::string zsh_completion();
[[nodiscard]] std::string fish_completion();
[[nodiscard]] std::string manual_source();  // scdoc source of hearth(1)

}  // namespace hearth::cli
