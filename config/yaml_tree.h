#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace hearth::config {

enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMapping };

// Block text ("|", ">") counts as quoted: its author meant text.
enum class Style : std::uint8_t { kPlain, kQuoted };

struct Entry;

// YAML as it was written, without YAML's own ideas of types: a scalar is its text,
// and the field that reads it decides what it means.
struct Value {
    Kind kind = Kind::kNull;
    Style style = Style::kPlain;
    Span span;                   // of a scalar with its quotes; the opening of a collection
    std::string text;            // kScalar
    std::vector<Value> items;    // kSequence
    std::vector<Entry> entries;  // kMapping, in the order written, keys unique

    [[nodiscard]] const Entry* find(std::string_view key) const noexcept;
};

struct Entry {
    std::string key;
    Style key_style = Style::kPlain;
    Span key_span;
    Value value;
};

inline const Entry* Value::find(std::string_view key) const noexcept {
    for (const Entry& entry : entries) {
        if (entry.key == key) return &entry;
    }
    return nullptr;
}

}  // namespace hearth::config
