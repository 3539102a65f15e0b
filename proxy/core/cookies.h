#pragma once

#include <string_view>

#include "proxy/model/message.h"

namespace hearth::proxy {

// The value of the first cookie of that name in the Cookie fields (RFC 6265 §5.4), without its
// quotes; empty when there is none.
[[nodiscard]] std::string_view cookie_value(const HeaderTable& headers,
                                            std::string_view name) noexcept;

}  // namespace hearth::proxy
