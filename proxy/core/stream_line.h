#pragma once

#include <string>

#include "proxy/core/access_line.h"
#include "proxy/model/stream_record.h"

namespace hearth::proxy {

// As append_access_line(), of what was passed on. False for kCombined, which has no form for it.
bool append_stream_line(std::string& out, const StreamRecord& record, AccessFormat format,
                        WallTime when);

}  // namespace hearth::proxy
