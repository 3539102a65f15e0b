#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace hearth::dns {

// The whole of a regular file of at most `limit` octets. Blocks.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t limit);

}  // namespace hearth::dns
