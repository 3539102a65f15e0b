#include "config/places.h"

namespace hearth::config {

const Value* value_at(const Value& root, std::initializer_list<std::string_view> path) {
    const Value* value = &root;
    for (const auto key : path) {
        if (value->kind == Kind::kScalar || value->kind == Kind::kSequence) return value;
        const Entry* entry = value->find(key);
        if (entry == nullptr) return nullptr;
        value = &entry->value;
    }
    return value;
}

Span place_of(const Value& root, std::initializer_list<std::string_view> path) {
    Span place = root.span;
    const Value* value = &root;
    for (const auto key : path) {
        const Entry* entry = value->find(key);
        if (entry == nullptr) break;
        value = &entry->value;
        place = value->kind == Kind::kScalar ? value->span : entry->key_span;
    }
    return place;
}

Span item_place(const Value& root, std::initializer_list<std::string_view> path,
                std::size_t index) {
    const Value* list = value_at(root, path);
    if (list == nullptr) return place_of(root, path);
    return index < list->items.size() ? list->items[index].span : list->span;
}

}  // namespace hearth::config
