#include "config/merge.h"

#include <algorithm>
#include <string>
#include <utility>

namespace hearth::config {
namespace {

bool is_map_or_empty(const Value& value) {
    return value.kind == Kind::kMapping || value.kind == Kind::kNull;
}

}  // namespace

bool merge(Value& base, Value addition, Diagnostics& diagnostics) {
    if (addition.kind == Kind::kNull) return true;
    if (base.kind == Kind::kNull) {
        base = std::move(addition);
        return true;
    }
    bool is_good = true;
    for (Entry& entry : addition.entries) {
        const auto same =
            std::find_if(base.entries.begin(), base.entries.end(),
                         [&entry](const Entry& other) { return other.key == entry.key; });
        if (same == base.entries.end()) {
            base.entries.push_back(std::move(entry));
        } else if (is_map_or_empty(same->value) && is_map_or_empty(entry.value)) {
            is_good = merge(same->value, std::move(entry.value), diagnostics) && is_good;
        } else {
            diagnostics.error(entry.key_span, "key " + entry.key + " is in another file already")
                .notes.push_back(diagnostics.note(same->key_span, "the other one is here"));
            is_good = false;
        }
    }
    return is_good;
}

}  // namespace hearth::config
