#pragma once

#include "proxy/model/message.h"
#include "proxy/model/routing.h"

namespace hearth::proxy {

// Names and values are views into `edits`, which must outlive the table's use. `id` is what new
// fields are taken for. Fields that do not fit any more are left out.
void apply_edits(const HeaderEdits& edits, HeaderTable& headers, HeaderId id) noexcept;

// Removes all fields of that name.
void remove_field(HeaderTable& headers, std::string_view name) noexcept;
// And those that frameworks which fold '_', '.' and '-' take for it.
void remove_alike(HeaderTable& headers, std::string_view name) noexcept;
[[nodiscard]] bool has_field(const HeaderTable& headers, std::string_view name) noexcept;

}  // namespace hearth::proxy
