#pragma once

#include <string>

namespace hearth::config {

// JSON Schema (2020-12) of the document, for editors: made from the field tables. What needs more
// than one place to judge (names that must resolve, clashes) is left to `hearth check`.
[[nodiscard]] std::string json_schema();

// The reference page of every key, from the same tables.
[[nodiscard]] std::string reference_markdown();  // docs/reference.md
[[nodiscard]] std::string reference_man();       // scdoc source of hearth.yaml(5)

}  // namespace hearth::config
