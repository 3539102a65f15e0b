#pragma once

#include <string>

#include "base/time.h"
#include "proxy/model/access_record.h"

namespace hearth::proxy {

enum class AccessFormat : std::uint8_t { kOff, kText, kJson, kCombined };

// Appends one line without its line feed. `when` is the moment the exchange ended.
// kCombined is Apache's "combined" log format; control characters and quotes are escaped.
void append_access_line(std::string& out, const AccessRecord& record, AccessFormat format,
                        WallTime when);

}  // namespace hearth::proxy
