#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/source.h"

namespace hearth::config {

// `path` first, then conf.d/*.yaml beside it in lexical order; names that begin with a dot are left
// out. Fails on the first file that cannot be read, is no regular file or is too large.
[[nodiscard]] Result<std::vector<Source>> read_files(const std::string& path);

}  // namespace hearth::config
