#include "proxy/core/header_edits.h"

#include <algorithm>

#include "proxy/core/octets.h"

namespace hearth::proxy {

namespace {

// As CGI and its like read a name.
bool equals_folded(std::string_view a, std::string_view b) noexcept {
    const auto folded = [](char c) { return c == '_' || c == '.' ? '-' : to_lower(c); };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [folded](char x, char y) { return folded(x) == folded(y); });
}

}  // namespace

void remove_alike(HeaderTable& headers, std::string_view name) noexcept {
    headers.remove_if([name](const HeaderField& field) { return equals_folded(field.name, name); });
}

void remove_field(HeaderTable& headers, std::string_view name) noexcept {
    headers.remove_if(
        [name](const HeaderField& field) { return equals_ignoring_case(field.name, name); });
}

bool has_field(const HeaderTable& headers, std::string_view name) noexcept {
    const auto fields = headers.fields();
    return std::any_of(fields.begin(), fields.end(), [name](const HeaderField& field) {
        return equals_ignoring_case(field.name, name);
    });
}

void apply_edits(const HeaderEdits& edits, HeaderTable& headers, HeaderId id) noexcept {
    for (const std::string& name : edits.remove) remove_field(headers, name);
    for (const auto& [name, value] : edits.set) {
        remove_field(headers, name);
        if (!headers.full()) headers.add({name, value, id});
    }
    for (const auto& [name, value] : edits.add) {
        if (!headers.full()) headers.add({name, value, id});
    }
}

}  // namespace hearth::proxy
