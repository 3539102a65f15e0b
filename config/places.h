#pragma once

#include <initializer_list>
#include <string_view>

#include "config/yaml_tree.h"

// Where in the files a checked value was written.
namespace hearth::config {

// The value at the end of a path of keys, or nullptr. A key that a section's shorthand left out
// ("pi5: 10.0.0.15" for {address: …}) gives the bare value.
[[nodiscard]] const Value* value_at(const Value& root,
                                    std::initializer_list<std::string_view> path);

// The place of that value: of the key when the value is a collection, and of the nearest parent
// that was written when it was not.
[[nodiscard]] Span place_of(const Value& root, std::initializer_list<std::string_view> path);

// Item `index` of a list that may have been written without brackets.
[[nodiscard]] Span item_place(const Value& root, std::initializer_list<std::string_view> path,
                              std::size_t index);

}  // namespace hearth::config
