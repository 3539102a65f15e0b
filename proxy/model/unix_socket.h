#pragma once

#include <string_view>

#include "base/ip.h"

namespace hearth::proxy {

// Stands for a Unix socket wherever upstreams are told apart by their endpoints: an address that
// nobody can have (RFC 6666) with a hash of the path, the same on every worker and node.
[[nodiscard]] Endpoint endpoint_of_socket(std::string_view path) noexcept;

}  // namespace hearth::proxy
