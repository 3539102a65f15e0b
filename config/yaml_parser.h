#pragma once

#include <optional>

#include "config/diagnostic.h"
#include "config/yaml_tree.h"

namespace hearth::config {

inline constexpr std::size_t kMaxDepth = 12;
inline constexpr std::size_t kMaxValues = 50'000;

// Reads sources[file], whose text find_text_fault() has passed, as one YAML 1.2 document. Anchors,
// aliases, tags, further documents and duplicate keys are errors. An empty source is a null value.
// Reports the first fault and returns nullopt. libfyaml does not promise to end: see parse_guard.h.
[[nodiscard]] std::optional<Value> parse_yaml(const SourceSet& sources, std::uint16_t file,
                                              Diagnostics& diagnostics);

}  // namespace hearth::config
